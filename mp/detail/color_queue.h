// A FIFO of runnable colors under one small lock: the shared part of the queue, which other threads
// fill, and the overflow of a worker's segment (stage 4).
//
// It holds pointers in blocks, not links in the colors: so a worker takes many at once without
// touching the colors, whose cache lines are in the posters' caches, while it holds the lock.
//
// Thread-safety: all members, by any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <deque>
#include <mutex>

#include "wrap/detail/adaptive_mutex.h"

namespace async::detail {

class color_state;

class color_queue {
 public:
  // Ends the program if there is no memory: the color could not be given back.
  void push(color_state* color) noexcept {
    const std::lock_guard lock(mutex_);
    colors_.push_back(color);
    count();
  }

  // Takes the oldest ones: one in `sharers`, rounded up, at most `most`, oldest first. Returns how
  // many.
  std::size_t take(color_state** colors, std::size_t most, std::size_t sharers = 1) noexcept {
    if (empty()) return 0;
    const std::lock_guard lock(mutex_);
    const std::size_t taken = std::min(most, (colors_.size() + sharers - 1) / sharers);
    const auto end = colors_.begin() + static_cast<std::ptrdiff_t>(taken);
    std::copy(colors_.begin(), end, colors);
    colors_.erase(colors_.begin(), end);
    count();
    return taken;
  }

  bool empty() const noexcept { return size_.load(std::memory_order_relaxed) == 0; }

  // For fork() only.
  adaptive_mutex& mutex() noexcept { return mutex_; }

 private:
  // relaxed: a reader that must not miss a push has a fence before it (parking.h).
  void count() noexcept { size_.store(colors_.size(), std::memory_order_relaxed); }

  adaptive_mutex mutex_;
  std::deque<color_state*> colors_;  // guarded by mutex_
  std::atomic<std::size_t> size_{0};
};

}  // namespace async::detail
