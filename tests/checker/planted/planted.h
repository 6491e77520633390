// Programs that are wrong in their colors, each in one way, for the tests of the color checker.
//
// Serves no stage: checker_test.cc runs them, in a process each.
#pragma once

#include <atomic>
#include <span>
#include <thread>

#include "mp/color.h"

namespace planted {

// The source has a comment [NAME.1] at one call site that makes the mistake, and [NAME.2] at the
// other: both must be in the report.
struct mistake {
  const char* name;
  void (*plant)();
};

extern const std::span<const mistake> mistakes_in_memory;
extern const std::span<const mistake> mistakes_with_events;

// While it lives, no other does: of two accesses at the very same moment ThreadSanitizer may miss
// both, and its findings were luck. The orders are relaxed, so that it orders nothing else.
class alone {
 public:
  alone() {
    while (taken.exchange(true, std::memory_order_relaxed)) std::this_thread::yield();
  }
  ~alone() { taken.store(false, std::memory_order_relaxed); }
  alone(const alone&) = delete;
  alone& operator=(const alone&) = delete;

 private:
  static inline std::atomic<bool> taken{false};
};

inline const async::color red = async::color::fresh();
inline const async::color blue = async::color::fresh();

}  // namespace planted
