// A thread's own store of free blocks of memory, for the small objects that come and go with each
// event: callbacks, and mp/'s tasks and colors. Making or freeing one is a few instructions.
//
// The thread that makes such an object is often not the one that ends it, so what is too much here
// goes to a depot that all share, and what is missing comes from there (wrap/block_cache.cc).
//
// Stage: none (layer 0).
// Thread safety: each thread has its own.
// Invariants: a block of a size is aligned to the largest power of two that divides the size: small
// and large ones to their size, medium ones, for callbacks with two bound words, to 8 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "wrap/detail/sanitizers.h"

namespace async::detail {

// In bytes.
enum class block_size : std::uintptr_t { small = 32, moderate = 48, medium = 56, large = 64 };

#if !defined(ASYNC_HEAP_BLOCKS)

class block_cache {
 public:
  static constexpr std::size_t batch = 64;

  explicit constexpr block_cache(block_size size) noexcept : size_(size) {}

  // Throws std::bad_alloc.
  static void* allocate(block_size size) {
    block_cache& cache = of(size);
    return cache.count_ != 0 ? cache.items_[--cache.count_] : cache.refill();
  }

  static void free(void* memory, block_size size) noexcept {
    block_cache& cache = of(size);
    if (cache.count_ == cache.limit_) return cache.free_slowly(memory);
    cache.items_[cache.count_++] = memory;
  }

 private:
  struct returner;

  static constexpr std::size_t capacity = 2 * batch;

  static block_cache& of(block_size size) noexcept {
    switch (size) {
      case block_size::small:
        return small;
      case block_size::moderate:
        return moderate;
      case block_size::medium:
        return medium;
      case block_size::large:
        break;
    }
    return large;
  }

  [[gnu::cold]] void* refill();
  [[gnu::cold]] void free_slowly(void* memory) noexcept;
  void flush(std::size_t most) noexcept;
  void begin();

  // initial-exec: one instruction finds it, also in a shared library.
  [[gnu::tls_model("initial-exec")]] static constinit thread_local block_cache small;
  [[gnu::tls_model("initial-exec")]] static constinit thread_local block_cache moderate;
  [[gnu::tls_model("initial-exec")]] static constinit thread_local block_cache medium;
  [[gnu::tls_model("initial-exec")]] static constinit thread_local block_cache large;

  const block_size size_;
  bool ended_ = false;  // the thread has given its blocks back, and keeps none any more
  std::size_t count_ = 0;
  std::size_t limit_ = 0;  // of count_: capacity, from the first use to the thread's end
  void* items_[capacity] = {};
};

#else

// Heap blocks, whose misuse sanitizers see.
class block_cache {
 public:
  static void* allocate(block_size size) {
    return ::operator new (static_cast<std::size_t>(size), std::align_val_t{64});
  }
  static void free(void* memory, block_size) noexcept {
    ::operator delete (memory, std::align_val_t{64});
  }
};

#endif

// From now on fork() waits for the depots, so that the child finds them whole. To be called before
// a handler of fork() is installed that takes other locks: what was installed last is called first
// before a fork, and whoever holds another lock may free a block.
void hold_block_depots_across_forks();

// A base of T, a final class: objects that `new T` makes come from the cache, where they fit.
template <class T>
class pooled {
 public:
  static void* operator new(std::size_t size) {
    return fits() ? block_cache::allocate(size_of_block()) : ::operator new(size);
  }
  static void operator delete(void* memory) noexcept {
    fits() ? block_cache::free(memory, size_of_block()) : ::operator delete(memory);
  }
  static void* operator new(std::size_t size, std::align_val_t alignment) {
    return ::operator new(size, alignment);
  }
  static void operator delete(void* memory, std::align_val_t alignment) noexcept {
    ::operator delete(memory, alignment);
  }

 private:
  static constexpr bool fits() { return sizeof(T) <= 64 && alignof(T) <= alignof(void*); }
  static constexpr block_size size_of_block() {
    return sizeof(T) <= 32   ? block_size::small
           : sizeof(T) <= 48 ? block_size::moderate
           : sizeof(T) <= 56 ? block_size::medium
                             : block_size::large;
  }
};

}  // namespace async::detail
