// A 4-ary heap of timers: the earliest first, and of equal stamps the one that was added first
// (stage 1).
//
// The stamp lies in the heap's own array, next to its siblings', so that sifting touches no timer.
// For that, no timer knows its place: one that is removed is marked, and leaves the heap when it
// comes to the top, or is swept out with all others when they are more than half of the heap. A
// sweep costs as much as the removals that led to it; so a removal is O(1) on average, and O(log n)
// at the top.
//
// Thread-safety: none; the owner locks. Time is only a number here: tests bring their own.
// Invariants: heap_[i] is not after any of heap_[4i+1 .. 4i+4]; the top is not a removed timer; at
// most half of the heap are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace async::detail {

// Nanoseconds of the monotonic clock.
using stamp = std::int64_t;
inline constexpr stamp never = std::numeric_limits<stamp>::max();

// `Timer` has
//   bool removed() const noexcept   Whether it, which is in the heap, has been removed.
//   void left_heap() noexcept       A removed timer has left the heap, and may free itself.
//   void prefetch() const noexcept  Has the memory fetched that the others will touch.
template <class Timer>
class timer_heap {
 public:
  std::size_t size() const noexcept { return heap_.size() - removed_; }
  // How many removed timers are in the heap, in addition.
  std::size_t removed() const noexcept { return removed_; }

  // The stamp of the earliest, or `never`.
  stamp earliest() const noexcept { return heap_.empty() ? never : heap_.front().at; }

  // Throws std::bad_alloc, and then has not added it.
  void push(stamp at, Timer* timer) {
    const entry added{at, next_order_, timer};
    heap_.push_back(added);
    ++next_order_;
    sift_up(heap_.size() - 1, added);
  }

  // Takes out and returns the earliest of a heap that is not empty.
  Timer* pop() noexcept {
    Timer* const timer = heap_.front().timer;
    take_top();
    drop_removed();
    return timer;
  }

  // `timer`, which was pushed and not popped, is removed now. Whether it was the earliest.
  bool note_removed(const Timer* timer) noexcept {
    const bool first = heap_.front().timer == timer;
    ++removed_;
    drop_removed();
    return first;
  }

  // Calls f(timer, stamp) for each, removed or not, in no order.
  template <class F>
  void for_each(F f) const {
    for (const entry& e : heap_) f(*e.timer, e.at);
  }

 private:
  struct entry {
    stamp at;
    std::uint64_t order;  // of adding
    Timer* timer;
  };

  static constexpr std::size_t arity = 4;
  // So many timers further on, a sweep has the memory fetched.
  static constexpr std::size_t ahead = 16;

  // Without branches, as they would be mispredicted.
  static bool before(const entry& a, const entry& b) noexcept {
    return (a.at < b.at) | ((a.at == b.at) & (a.order < b.order));
  }

  void sift_up(std::size_t i, const entry e) noexcept {
    while (i > 0) {
      const std::size_t parent = (i - 1) / arity;
      if (!before(e, heap_[parent])) break;
      heap_[i] = heap_[parent];
      i = parent;
    }
    heap_[i] = e;
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
      heap_[i] = heap_[least];
      i = least;
    }
    heap_[i] = e;
  }

  void take_top() noexcept {
    const entry last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sift_down(0, last);
  }

  // Restores the invariants about removed timers.
  void drop_removed() noexcept {
    while (removed_ != 0 && heap_.front().timer->removed()) {
      heap_.front().timer->left_heap();
      take_top();
      --removed_;
    }
    if (removed_ > heap_.size() / 2) sweep();
  }

  void sweep() noexcept {
    const std::size_t kept = partition();
    for (std::size_t i = kept; i < heap_.size(); ++i) {
      prefetch(i + ahead);
      heap_[i].timer->left_heap();
    }
    heap_.erase(heap_.begin() + static_cast<std::ptrdiff_t>(kept), heap_.end());
    removed_ = 0;
    for (std::size_t i = (kept + 2) / arity; i-- > 0;) sift_down(i, entry(heap_[i]));
  }

  // Moves the removed ones behind all others, and returns how many others there are. No branch
  // depends on which are removed: every other one would be mispredicted.
  std::size_t partition() noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < heap_.size(); ++i) {
      prefetch(i + ahead);
      std::swap(heap_[i], heap_[kept]);
      kept += heap_[kept].timer->removed() ? 0 : 1;
    }
    return kept;
  }

  void prefetch(std::size_t i) const noexcept {
    if (i < heap_.size()) heap_[i].timer->prefetch();
  }

  std::vector<entry> heap_;
  std::size_t removed_ = 0;
  std::uint64_t next_order_ = 0;
};

}  // namespace async::detail
