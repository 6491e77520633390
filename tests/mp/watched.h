// What the tests of the watchdog share: a callback that stands still, and a watchdog whose time is
// what the test says.
//
// Serves stages 3 to 5, watched.
//
// Thread safety: as for the batons and watchdog_look().
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "mp/detail/watchdog_control.h"
#include "mp/watchdog.h"
#include "tests/support/support.h"
#include "wrap/refcnt.h"

namespace async::test {

// A callback that waits until it is told to go on.
struct obstacle : refcount {
  void stand() {
    inside.post();
    go_on.wait();
  }
  baton inside, go_on;
};

// While it exists, the watchdog is on, and looks when the test says.
class watched {
 public:
  explicit watched(std::chrono::nanoseconds limit = std::chrono::seconds(1)) {
    detail::watch_without_thread(limit);
  }
  ~watched() { watchdog_stop(); }

  // Looks at the time `later` than the beginning.
  std::vector<std::string> look(std::chrono::nanoseconds later) {
    return detail::watchdog_look(began_ + later);
  }
  // The same, where it has to say exactly one thing.
  std::string said(std::chrono::nanoseconds later) {
    const auto all = look(later);
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? "" : all.front();
  }

 private:
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace async::test
