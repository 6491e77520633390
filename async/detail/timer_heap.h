// A 4-ary heap of timers: the earliest first, and of equal stamps the one that was added first
// (stage 1).
//
// The stamp lies in the heap's own array, next to its siblings', so that sifting seldom touches the
// timers; a timer knows its index, so removing any one costs O(log n) however many stamps are
// equal.
//
// Thread-safety: none; the owner locks. Time is only a number here: tests bring their own.
// Invariants: heap[i] is not after any of heap[4i+1 .. 4i+4]; heap[i].timer->heap_index == i.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace async::detail {

// Nanoseconds of the monotonic clock.
using stamp = std::int64_t;
inline constexpr stamp never = std::numeric_limits<stamp>::max();

inline constexpr std::uint32_t not_in_heap = ~std::uint32_t{0};

// `Timer` has the member std::uint32_t heap_index, not_in_heap outside.
template <class Timer>
class timer_heap {
 public:
  bool empty() const noexcept { return heap_.empty(); }
  std::size_t size() const noexcept { return heap_.size(); }

  // The stamp of the earliest, or `never`.
  stamp earliest() const noexcept { return heap_.empty() ? never : heap_.front().at; }

  // Throws std::bad_alloc, and then has not added it.
  void push(stamp at, Timer* timer) {
    const entry added{at, next_order_, timer};
    heap_.push_back(added);
    ++next_order_;
    sift_up(heap_.size() - 1, added);
  }

  // Removes and returns the earliest of a heap that is not empty.
  Timer* pop() noexcept {
    Timer* const timer = heap_.front().timer;
    remove_at(0);
    return timer;
  }

  // Removes a timer that is in the heap.
  void remove(Timer* timer) noexcept { remove_at(timer->heap_index); }

 private:
  struct entry {
    stamp at;
    std::uint64_t order;  // of adding
    Timer* timer;
  };

  static constexpr std::size_t arity = 4;

  static bool before(const entry& a, const entry& b) noexcept {
    return a.at != b.at ? a.at < b.at : a.order < b.order;
  }

  void put(std::size_t i, const entry& e) noexcept {
    heap_[i] = e;
    e.timer->heap_index = static_cast<std::uint32_t>(i);
  }

  void sift_up(std::size_t i, const entry e) noexcept {
    while (i > 0) {
      const std::size_t parent = (i - 1) / arity;
      if (!before(e, heap_[parent])) break;
      put(i, heap_[parent]);
      i = parent;
    }
    put(i, e);
  }

  void sift_down(std::size_t i, const entry e) noexcept {
    const std::size_t size = heap_.size();
    for (;;) {
      const std::size_t first = i * arity + 1;
      if (first >= size) break;
      const std::size_t end = first + arity < size ? first + arity : size;
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (before(heap_[child], heap_[least])) least = child;
      }
      if (!before(heap_[least], e)) break;
      put(i, heap_[least]);
      i = least;
    }
    put(i, e);
  }

  void remove_at(std::size_t i) noexcept {
    heap_[i].timer->heap_index = not_in_heap;
    const entry last = heap_.back();
    heap_.pop_back();
    if (i == heap_.size()) return;  // it was the last
    if (i > 0 && before(last, heap_[(i - 1) / arity])) {
      sift_up(i, last);
    } else {
      sift_down(i, last);
    }
  }

  std::vector<entry> heap_;
  std::uint64_t next_order_ = 0;
};

}  // namespace async::detail
