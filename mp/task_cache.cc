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
#include <utility>
#include <vector>

#include "mp/detail/fork.h"

namespace async::detail {

#if !defined(__SANITIZE_ADDRESS__)

constinit thread_local task_cache task_cache::small{task_size::small};
constinit thread_local task_cache task_cache::large{task_size::large};

namespace {

constexpr std::size_t chunk_size = 16 * 1024;

// Free memory of a task's size; batches are linked lists.
struct block {
  block* next;
};

class depot {
 public:
  // Fills `items` with at most `most` blocks of `size` bytes, and at least one.
  std::size_t get(void** items, std::size_t most, std::size_t size) {
    const std::lock_guard lock(mutex_);
    if (batches_.empty()) add_chunk(size);
    std::size_t count = 0;
    while (count < most && batches_.back() != nullptr) {
      items[count++] = std::exchange(batches_.back(), batches_.back()->next);
    }
    if (batches_.back() == nullptr) batches_.pop_back();
    return count;
  }

  void put(void** items, std::size_t count) noexcept {
    if (count == 0) return;
    block* first = nullptr;
    for (std::size_t i = 0; i < count; ++i) first = ::new (items[i]) block{first};
    const std::lock_guard lock(mutex_);
    batches_.push_back(first);  // has room: see add_chunk
  }

  std::mutex& mutex() noexcept { return mutex_; }

 private:
  void add_chunk(std::size_t size) {
    const std::size_t blocks = chunk_size / size;
    // A batch holds one block at least, so this is room for all that there can be.
    blocks_ += blocks;
    if (batches_.capacity() < blocks_) batches_.reserve(2 * blocks_);
    chunks_.reserve(chunks_.size() + 1);
    auto* const memory = static_cast<std::byte*>(::operator new (chunk_size, std::align_val_t{64}));
    chunks_.push_back(memory);
    block* first = nullptr;
    for (std::size_t i = blocks; i-- > 0;) {
      first = ::new (static_cast<void*>(memory + i * size)) block{first};
      if (i % task_cache::batch == 0) batches_.push_back(std::exchange(first, nullptr));
    }
  }

  std::mutex mutex_;
  std::vector<block*> batches_;     // guarded by mutex_, as the rest is
  std::vector<std::byte*> chunks_;  // keeps the memory reachable, for leak checkers
  std::size_t blocks_ = 0;
};

// Never destroyed: tasks may be freed by the last destructors of the program.
depot& depot_of(task_size size) {
  static depot& small = *new depot;
  static depot& large = *new depot;
  return size == task_size::small ? small : large;
}

}  // namespace

// Gives a thread's tasks to the depot when the thread ends.
struct task_cache::returner {
  ~returner() {
    task_cache::small.flush(task_cache::capacity);
    task_cache::large.flush(task_cache::capacity);
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
  depot_of(task_size::small).mutex().lock();
  depot_of(task_size::large).mutex().lock();
}

void unlock_task_depots() {
  depot_of(task_size::small).mutex().unlock();
  depot_of(task_size::large).mutex().unlock();
}

#else

void lock_task_depots() {}
void unlock_task_depots() {}

#endif

}  // namespace async::detail
