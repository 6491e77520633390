// The memory of tasks, behind the inline fast path of detail/task_cache.h: the depot, from which a
// thread's cache gets tasks by the batch when it is empty, and to which it gives a batch when it is
// full, so that the depot's lock is taken once for a batch at most.
//
// Memory is never given back to the system, but used again: what a program holds is its peak of
// pending callbacks. Under AddressSanitizer tasks are plain heap blocks, so that it sees their
// misuse.
//
// Thread-safety: the depot has a lock.
#include "mp/detail/task_cache.h"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <new>

#include "mp/detail/fork.h"

namespace async::detail {

#if !defined(__SANITIZE_ADDRESS__)

constinit thread_local task_cache task_cache::small{task_size::small};
constinit thread_local task_cache task_cache::medium{task_size::medium};
constinit thread_local task_cache task_cache::large{task_size::large};

namespace {

constexpr std::size_t chunk_size = std::size_t{256} * 1024;
constexpr std::size_t chunk_header = 64;

// Free memory of a task's size. A batch is a list of blocks, and the batches are a list, too.
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
    for (std::size_t i = 0; i < task_cache::batch; ++i) {
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

// Never destroyed: tasks may be freed by the last destructors of the program.
depot& depot_of(task_size size) {
  static depot& small = *new depot;
  static depot& medium = *new depot;
  static depot& large = *new depot;
  return size == task_size::small ? small : size == task_size::medium ? medium : large;
}

constexpr task_size all_sizes[] = {task_size::small, task_size::medium, task_size::large};

}  // namespace

// Gives a thread's tasks to the depot when the thread ends.
struct task_cache::returner {
  ~returner() {
    for (const task_size size : all_sizes) of(size).flush(capacity);
  }
};

void task_cache::flush(std::size_t most) noexcept {
  const std::size_t given = std::min(most, count_);
  depot_of(size_).put(items_ + (count_ - given), given);
  count_ -= given;
}

void task_cache::return_at_thread_exit() {
  thread_local returner at_exit;
  static_cast<void>(at_exit);
}

void* task_cache::refill() {
  return_at_thread_exit();
  count_ = depot_of(size_).get(items_, batch, static_cast<std::size_t>(size_));
  return items_[--count_];
}

void task_cache::make_room() noexcept {
  return_at_thread_exit();
  flush(batch);
}

void lock_task_depots() {
  for (const task_size size : all_sizes) depot_of(size).mutex().lock();
}

void unlock_task_depots() {
  for (const task_size size : all_sizes) depot_of(size).mutex().unlock();
}

#else

void lock_task_depots() {}
void unlock_task_depots() {}

#endif

}  // namespace async::detail
