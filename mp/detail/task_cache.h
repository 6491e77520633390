// A thread's own store of free tasks (task.h), and of the other small objects that come and go with
// them (colored callbacks, colors), so that making and freeing one is a few
// instructions. Posters and runners are often different threads, so what is too much here goes to a
// depot that all share, and what is missing comes from there (task_cache.cc).
//
// Thread-safety: each thread has its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace async::detail {

// The bytes of a task, closure and all. Tasks are small or large, aligned to their size; medium
// ones, for callbacks with two bound words, are aligned to 8 bytes.
enum class task_size : std::uintptr_t { small = 32, medium = 56, large = 64 };

#if !defined(__SANITIZE_ADDRESS__)

class task_cache {
 public:
  static constexpr std::size_t batch = 64;

  explicit constexpr task_cache(task_size size) noexcept : size_(size) {}

  // Throws std::bad_alloc.
  static void* allocate(task_size size) {
    task_cache& cache = of(size);
    return cache.count_ != 0 ? cache.items_[--cache.count_] : cache.refill();
  }

  static void free(void* memory, task_size size) noexcept {
    task_cache& cache = of(size);
    if (cache.count_ == capacity) cache.make_room();
    cache.items_[cache.count_++] = memory;
  }

 private:
  struct returner;

  static constexpr std::size_t capacity = 2 * batch;

  static task_cache& of(task_size size) noexcept {
    return size == task_size::small ? small : size == task_size::medium ? medium : large;
  }

  [[gnu::cold]] void* refill();
  [[gnu::cold]] void make_room() noexcept;
  void flush(std::size_t most) noexcept;
  static void return_at_thread_exit();

  // initial-exec: one instruction finds it, also in a shared library.
  [[gnu::tls_model("initial-exec")]] static constinit thread_local task_cache small;
  [[gnu::tls_model("initial-exec")]] static constinit thread_local task_cache medium;
  [[gnu::tls_model("initial-exec")]] static constinit thread_local task_cache large;

  const task_size size_;
  std::size_t count_ = 0;
  void* items_[capacity] = {};
};

#else

// Heap blocks, whose misuse AddressSanitizer sees.
class task_cache {
 public:
  static void* allocate(task_size size) {
    return ::operator new (static_cast<std::size_t>(size), std::align_val_t{64});
  }
  static void free(void* memory, task_size) noexcept {
    ::operator delete (memory, std::align_val_t{64});
  }
};

#endif

}  // namespace async::detail
