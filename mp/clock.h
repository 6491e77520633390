// The clock of timers and of time limits: std::chrono::steady_clock, but in an exploration
// (explore.h), where time is virtual. Serves stages 1 and 2.
//
// Thread-safety: steady_now() from anywhere. Virtual time is moved by the one thread of an
// exploration.
#pragma once

#include <chrono>
#include <cstdint>

#include "wrap/detail/atom.h"

namespace async {

namespace detail {

// Nanoseconds since the epoch of steady_clock; 0: time is real. relaxed: it orders nothing.
inline constinit atom<std::int64_t> virtual_time{0};

}  // namespace detail

inline std::chrono::steady_clock::time_point steady_now() noexcept {
  const std::int64_t time = detail::virtual_time.load(std::memory_order_relaxed);
  if (time == 0) [[likely]]
    return std::chrono::steady_clock::now();
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(time));
}

}  // namespace async
