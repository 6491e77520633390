// The memory of tasks. Posters and runners are often different threads, so a plain free list per
// thread would only grow at one end: each thread has two *magazines* of up to magazine_size tasks
// for each size, and trades full ones for empty ones with a depot that all share, so the depot's
// lock is taken once for every magazine_size tasks at most.
//
// Memory is never given back to the system, but used again: what a program holds is its peak of
// pending callbacks. Under AddressSanitizer tasks are plain heap blocks, so that it sees their
// misuse.
//
// Thread-safety: a thread's magazines are its own; the depot has a lock.
#include <cstddef>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "mp/detail/fork.h"
#include "mp/detail/task.h"

namespace async::detail {

#if !defined(__SANITIZE_ADDRESS__)

namespace {

constexpr std::size_t magazine_size = 64;
constexpr std::size_t chunk_size = 16 * 1024;

struct block {
  block* next;
};

struct magazine {
  block* first = nullptr;
  std::size_t count = 0;

  void push(block* b) noexcept {
    b->next = first;
    first = b;
    ++count;
  }
  block* pop() noexcept {
    block* const b = first;
    first = b->next;
    --count;
    return b;
  }
  bool full() const noexcept { return count == magazine_size; }
};

class depot {
 public:
  magazine get(std::size_t size) {
    const std::lock_guard lock(mutex_);
    if (magazines_.empty()) add_chunk(size);
    const magazine m = magazines_.back();
    magazines_.pop_back();
    return m;
  }

  void put(magazine m) noexcept {
    if (m.count == 0) return;
    const std::lock_guard lock(mutex_);
    magazines_.push_back(m);  // has room: see add_chunk
  }

  std::mutex& mutex() noexcept { return mutex_; }

 private:
  void add_chunk(std::size_t size) {
    const std::size_t blocks = chunk_size / size;
    // Each magazine holds one task at least, so this is room for all that there can be.
    blocks_ += blocks;
    magazines_.reserve(blocks_);
    chunks_.reserve(chunks_.size() + 1);
    auto* memory = static_cast<std::byte*>(::operator new (chunk_size, std::align_val_t{64}));
    chunks_.push_back(memory);
    magazine m;
    for (std::size_t i = blocks; i-- > 0;) {
      m.push(reinterpret_cast<block*>(memory + i * size));
      if (m.full() || i == 0) magazines_.push_back(std::exchange(m, {}));
    }
  }

  std::mutex mutex_;
  std::vector<magazine> magazines_;  // guarded by mutex_, as the rest is
  std::vector<std::byte*> chunks_;   // keeps the memory reachable, for leak checkers
  std::size_t blocks_ = 0;
};

// Never destroyed: tasks may be freed by the last destructors of the program.
depot& depot_of(task_size size) {
  static depot& small = *new depot;
  static depot& large = *new depot;
  return size == task_size::small ? small : large;
}

struct cache {
  magazine loaded[2];
  magazine spare[2];
};

constexpr int index_of(task_size size) noexcept { return size == task_size::small ? 0 : 1; }

constinit thread_local cache local;

// Gives a thread's magazines to the depot when the thread ends.
struct returner {
  ~returner() {
    for (const task_size size : {task_size::small, task_size::large}) {
      const int i = index_of(size);
      depot_of(size).put(std::exchange(local.loaded[i], {}));
      depot_of(size).put(std::exchange(local.spare[i], {}));
    }
  }
};

void return_at_thread_exit() {
  thread_local returner at_exit;
  static_cast<void>(at_exit);
}

[[gnu::noinline]] block* refill(task_size size) {
  const int i = index_of(size);
  if (local.spare[i].count != 0) {
    std::swap(local.loaded[i], local.spare[i]);
  } else {
    return_at_thread_exit();
    local.loaded[i] = depot_of(size).get(static_cast<std::size_t>(size));
  }
  return local.loaded[i].pop();
}

[[gnu::noinline]] void make_room(task_size size) noexcept {
  const int i = index_of(size);
  if (local.spare[i].count != 0) {
    return_at_thread_exit();
    depot_of(size).put(local.spare[i]);
  }
  local.spare[i] = std::exchange(local.loaded[i], {});
}

}  // namespace

void* task::allocate(task_size size) {
  magazine& m = local.loaded[index_of(size)];
  return m.count != 0 ? m.pop() : refill(size);
}

void task::free(task* t, task_size size) noexcept {
  magazine& m = local.loaded[index_of(size)];
  if (m.full()) make_room(size);
  m.push(::new (static_cast<void*>(t)) block);
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

void* task::allocate(task_size size) { return ::operator new(static_cast<std::size_t>(size)); }
void task::free(task* t, task_size) noexcept { ::operator delete(static_cast<void*>(t)); }
void lock_task_depots() {}
void unlock_task_depots() {}

#endif

}  // namespace async::detail
