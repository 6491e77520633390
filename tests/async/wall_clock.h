// The time of day for the tests: that of the test program may be set without touching the system's.
//
// Serves no stage. Thread-safety: any thread.
#pragma once

#include <chrono>

namespace async::test {

// The program's CLOCK_REALTIME is off by `error` for as long as this lives. One at a time.
class wall_clock_set {
 public:
  explicit wall_clock_set(std::chrono::seconds error);
  ~wall_clock_set();
  wall_clock_set(const wall_clock_set&) = delete;
  wall_clock_set& operator=(const wall_clock_set&) = delete;
};

}  // namespace async::test
