// A FIFO of runnable colors under one small lock: the shared part of the queue, which other threads
// fill, and the overflow of a worker's segment (stage 4).
//
// Thread-safety: all members, by any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>

#include "mp/detail/color_state.h"
#include "mp/detail/sync.h"

namespace async::detail {

class color_queue {
 public:
  void push(color_state& color) noexcept {
    const std::lock_guard lock(mutex_);
    list_.push_back(color);
    count();
  }

  // Takes the oldest ones: one in `sharers`, rounded up, at most `most`, oldest first. Returns how
  // many.
  std::size_t take(color_state** colors, std::size_t most, std::size_t sharers = 1) noexcept {
    if (empty()) return 0;
    const std::lock_guard lock(mutex_);
    const std::size_t taken = std::min(most, (list_.size() + sharers - 1) / sharers);
    for (std::size_t i = 0; i < taken; ++i) {
      colors[i] = &list_.front();
      list_.pop_front();
    }
    count();
    return taken;
  }

  // Forgets all (in a forked child, whose parent still has them).
  void clear() noexcept {
    list_.clear();
    count();
  }

  bool empty() const noexcept { return size_.load(std::memory_order_relaxed) == 0; }

  // For fork() only.
  std::mutex& mutex() noexcept { return mutex_; }

 private:
  // relaxed: a reader that must not miss a push has a fence before it (parking.h).
  void count() noexcept { size_.store(list_.size(), std::memory_order_relaxed); }

  std::mutex mutex_;
  color_list list_;  // guarded by mutex_
  std::atomic<std::size_t> size_{0};
};

}  // namespace async::detail
