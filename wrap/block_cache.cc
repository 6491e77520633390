// The memory behind the inline fast path of detail/block_cache.h: the depots, from which a thread's
// cache gets blocks by the batch when it is empty, and to which it gives a batch when it is full,
// so that a depot's lock is taken once for a batch at most.
//
// Memory is never given back to the system, but used again: what a program holds is its peak of
// callbacks. Under AddressSanitizer and the color checker blocks are plain heap blocks, so that
// they see their misuse.
//
// Stage: none (layer 0).
// Thread safety: each depot has a lock.
#include "wrap/detail/block_cache.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/intrusive/list.hpp>
#include <cassert>
#include <cstddef>
#include <mutex>
#include <new>

#include "wrap/detail/adaptive_mutex.h"

namespace async::detail {

#if !defined(ASYNC_HEAP_BLOCKS)

constinit thread_local block_cache block_cache::small{block_size::small};
constinit thread_local block_cache block_cache::moderate{block_size::moderate};
constinit thread_local block_cache block_cache::medium{block_size::medium};
constinit thread_local block_cache block_cache::large{block_size::large};

namespace {

constexpr std::size_t page_size = 4096;
constexpr std::size_t chunk_size = 64 * page_size;
// The C library spends a chunk's worth of address space on aligning what it gives.
constexpr std::size_t chunks_at_once = 8;
constexpr std::size_t bytes_at_once = chunks_at_once * chunk_size;

// Which blocks of one page of memory are free.
class alignas(64) page : public boost::intrusive::list_base_hook<
                             boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  bool is_empty() const noexcept { return count_ == 0; }
  bool is_whole(std::size_t size) const noexcept { return count_ == page_size / size; }

  // For a page that has never been used.
  void fill(std::size_t size) noexcept {
    for (std::size_t i = 0; i < page_size / size; ++i) give(i);
  }

  void give(std::size_t index) noexcept {
    assert((free_[index / 64] >> index % 64 & 1) == 0 && "freed twice");
    free_[index / 64] |= std::uint64_t{1} << index % 64;
    ++count_;
  }

  // Takes at most `most` blocks of `size` bytes, the last ones first. Returns how many.
  std::size_t take(void** items, std::size_t most, std::byte* memory, std::size_t size) noexcept {
    std::size_t taken = 0;
    for (std::size_t word = free_.size(); word-- > 0;) {
      while (free_[word] != 0 && taken < most) {
        const auto bit = static_cast<std::size_t>(63 - std::countl_zero(free_[word]));
        free_[word] &= ~(std::uint64_t{1} << bit);
        items[taken++] = memory + (64 * word + bit) * size;
      }
    }
    count_ -= static_cast<std::uint32_t>(taken);
    return taken;
  }

 private:
  std::array<std::uint64_t, 2> free_{};  // a bit for each block
  std::uint32_t count_ = 0;
};

// The first page of a chunk tells about its others.
struct chunk {
  alignas(64) chunk* next;  // keeps all reachable for leak checkers
  std::array<page, chunk_size / page_size - 1> pages;

  static chunk& of(const void* address) noexcept {
    return *reinterpret_cast<chunk*>(reinterpret_cast<std::uintptr_t>(address) & ~(chunk_size - 1));
  }
  std::byte* memory_of(const page& p) noexcept {
    return reinterpret_cast<std::byte*>(this) +
           page_size * static_cast<std::size_t>(&p - pages.data() + 1);
  }
};
static_assert(sizeof(chunk) == page_size);

// Free memory of one size. A burst of callbacks is run, and so given back, in another order than it
// was made in. Therefore the depot knows its blocks by the page, and gives out what lies together:
// if it gave them out as they came back, each burst would be scattered over all the memory of the
// last one, and wait for it at each step.
class depot {
 public:
  // Fills `items` with at most `most` blocks of `size` bytes, and at least one.
  std::size_t get(void** items, std::size_t most, std::size_t size) {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    do {
      if (whole_.empty() && partial_.empty()) {
        if (count != 0) break;
        whole_.push_front(new_page(size));
      }
      page& from = !whole_.empty() ? whole_.front() : partial_.front();
      count += from.take(items + count, most - count, chunk::of(&from).memory_of(from), size);
      from.unlink();
      if (!from.is_empty()) partial_.push_front(from);
    } while (count < most / 2);
    return count;
  }

  void put(void** items, std::size_t count, std::size_t size) noexcept {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t offset = reinterpret_cast<std::uintptr_t>(items[i]) & (chunk_size - 1);
      page& to = chunk::of(items[i]).pages[offset / page_size - 1];
      const bool was_empty = to.is_empty();
      to.give(static_cast<std::uint32_t>(offset % page_size) / static_cast<std::uint32_t>(size));
      if (to.is_whole(size)) {
        to.unlink();
        whole_.push_front(to);
      } else if (was_empty) {
        partial_.push_front(to);
      }
    }
  }

  adaptive_mutex& mutex() noexcept { return mutex_; }

 private:
  using page_list = boost::intrusive::list<page, boost::intrusive::constant_time_size<false>>;

  page& new_page(std::size_t size) {
    if (chunks_ == nullptr || used_pages_ == chunks_->pages.size()) add_chunk();
    page& made = chunks_->pages[used_pages_++];
    made.fill(size);
    return made;
  }

  void add_chunk() {
    if (unused_chunks_ == 0) {
      unused_ =
          static_cast<std::byte*>(::operator new (bytes_at_once, std::align_val_t{chunk_size}));
      unused_chunks_ = chunks_at_once;
    }
    chunks_ = ::new (unused_) chunk{chunks_, {}};
    unused_ += chunk_size;
    --unused_chunks_;
    used_pages_ = 0;
  }

  adaptive_mutex mutex_;
  page_list whole_;    // all blocks are free; guarded by mutex_, as the rest is
  page_list partial_;  // some are
  chunk* chunks_ = nullptr;
  std::size_t used_pages_ = 0;  // of the first chunk
  std::byte* unused_ = nullptr;
  std::size_t unused_chunks_ = 0;
};

constexpr std::array all_sizes = {block_size::small, block_size::moderate, block_size::medium,
                                  block_size::large};

using all_depots = std::array<depot, all_sizes.size()>;

// Never destroyed: callbacks may be freed by the last destructors of the program.
all_depots& make_depots() {
  hold_block_depots_across_forks();
  return *new all_depots;
}

depot& depot_of(block_size size) {
  static all_depots& depots = make_depots();
  return depots[static_cast<std::size_t>(std::ranges::find(all_sizes, size) - all_sizes.begin())];
}

void lock_depots() noexcept {
  for (const block_size size : all_sizes) depot_of(size).mutex().lock();
}

void unlock_depots() noexcept {
  for (const block_size size : all_sizes) depot_of(size).mutex().unlock();
}

}  // namespace

// Gives a thread's blocks to the depots when the thread ends.
struct block_cache::returner {
  ~returner() {
    for (const block_size size : all_sizes) {
      block_cache& cache = of(size);
      cache.flush(capacity);
      cache.limit_ = 0;
      cache.ended_ = true;
    }
  }
};

void block_cache::flush(std::size_t most) noexcept {
  const std::size_t given = std::min(most, count_);
  depot_of(size_).put(items_ + (count_ - given), given, static_cast<std::size_t>(size_));
  count_ -= given;
}

void block_cache::begin() {
  thread_local returner at_exit;
  static_cast<void>(at_exit);
  limit_ = capacity;
}

void* block_cache::refill() {
  if (!ended_) begin();
  count_ = depot_of(size_).get(items_, ended_ ? 1 : batch, static_cast<std::size_t>(size_));
  return items_[--count_];
}

void block_cache::free_slowly(void* memory) noexcept {
  if (ended_) {
    depot_of(size_).put(&memory, 1, static_cast<std::size_t>(size_));
    return;
  }
  if (limit_ == 0) {
    begin();
  } else {
    flush(batch);
  }
  items_[count_++] = memory;
}

void hold_block_depots_across_forks() {
  static const int installed = pthread_atfork(lock_depots, unlock_depots, unlock_depots);
  static_cast<void>(installed);
}

#else

void hold_block_depots_across_forks() {}

#endif

}  // namespace async::detail
