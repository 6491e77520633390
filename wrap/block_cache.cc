// The memory behind the inline fast path of detail/block_cache.h: the depots, from which a thread's
// cache gets blocks by the batch when it is empty, and to which it gives a batch when it is full,
// so that a depot's lock is taken once for a batch at most.
//
// Memory is never given back to the system, but used again: what a program holds is its peak of
// callbacks. Under AddressSanitizer blocks are plain heap blocks, so that it sees their misuse.
//
// Stage: none (layer 0).
// Thread safety: each depot has a lock.
#include "wrap/detail/block_cache.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <mutex>
#include <new>

namespace async::detail {

#if !defined(__SANITIZE_ADDRESS__)

constinit thread_local block_cache block_cache::small{block_size::small};
constinit thread_local block_cache block_cache::moderate{block_size::moderate};
constinit thread_local block_cache block_cache::medium{block_size::medium};
constinit thread_local block_cache block_cache::large{block_size::large};

namespace {

constexpr std::size_t chunk_size = std::size_t{256} * 1024;
constexpr std::size_t chunk_header = 64;

// Free memory of one size. A batch is a list of blocks, and the batches are a list, too.
struct block {
  block* next;
  block* next_batch;
};

class depot {
 public:
  // Fills `items` with at most `most` blocks of `size` bytes, and at least one.
  std::size_t get(void** items, std::size_t most, std::size_t size) {
    const std::lock_guard lock(mutex_);
    if (batches_ == nullptr) batches_ = carve(size);
    block* const batch = batches_;
    block* const next_batch = batch->next_batch;
    std::size_t count = 0;
    block* b = batch;
    for (; count < most && b != nullptr; b = b->next) items[count++] = b;
    if (b != nullptr) b->next_batch = next_batch;
    batches_ = b != nullptr ? b : next_batch;
    return count;
  }

  void put(void** items, std::size_t count) noexcept {
    if (count == 0) return;
    block* first = nullptr;
    for (std::size_t i = 0; i < count; ++i) first = ::new (items[i]) block{first, nullptr};
    const std::lock_guard lock(mutex_);
    first->next_batch = batches_;
    batches_ = first;
  }

  std::mutex& mutex() noexcept { return mutex_; }

 private:
  // A few blocks, off a chunk of memory.
  block* carve(std::size_t size) {
    if (chunk_end_ - chunk_free_ < static_cast<std::ptrdiff_t>(size)) add_chunk();
    block* first = nullptr;
    for (std::size_t i = 0; i < block_cache::batch; ++i) {
      if (chunk_end_ - chunk_free_ < static_cast<std::ptrdiff_t>(size)) break;
      first = ::new (static_cast<void*>(chunk_free_)) block{first, nullptr};
      chunk_free_ += size;
    }
    return first;
  }

  void add_chunk() {
    auto* const memory = static_cast<std::byte*>(::operator new (chunk_size, std::align_val_t{64}));
    // The first bytes link the chunks, which keeps them reachable for leak checkers.
    chunks_ = ::new (static_cast<void*>(memory)) block{chunks_, nullptr};
    chunk_free_ = memory + chunk_header;
    chunk_end_ = memory + chunk_size;
  }

  std::mutex mutex_;
  block* batches_ = nullptr;  // guarded by mutex_, as the rest is
  block* chunks_ = nullptr;
  std::byte* chunk_free_ = nullptr;
  std::byte* chunk_end_ = nullptr;
};

constexpr std::array all_sizes = {block_size::small, block_size::moderate, block_size::medium,
                                  block_size::large};

// Never destroyed: callbacks may be freed by the last destructors of the program.
depot& depot_of(block_size size) {
  static auto& depots = *new std::array<depot, all_sizes.size()>;
  return depots[static_cast<std::size_t>(std::ranges::find(all_sizes, size) - all_sizes.begin())];
}

}  // namespace

// Gives a thread's blocks to the depots when the thread ends.
struct block_cache::returner {
  ~returner() {
    for (const block_size size : all_sizes) of(size).flush(capacity);
  }
};

void block_cache::flush(std::size_t most) noexcept {
  const std::size_t given = std::min(most, count_);
  depot_of(size_).put(items_ + (count_ - given), given);
  count_ -= given;
}

void block_cache::return_at_thread_exit() {
  thread_local returner at_exit;
  static_cast<void>(at_exit);
}

void* block_cache::refill() {
  return_at_thread_exit();
  count_ = depot_of(size_).get(items_, batch, static_cast<std::size_t>(size_));
  return items_[--count_];
}

void block_cache::make_room() noexcept {
  return_at_thread_exit();
  flush(batch);
}

void lock_block_depots() {
  for (const block_size size : all_sizes) depot_of(size).mutex().lock();
}

void unlock_block_depots() {
  for (const block_size size : all_sizes) depot_of(size).mutex().unlock();
}

#else

void lock_block_depots() {}
void unlock_block_depots() {}

#endif

}  // namespace async::detail
