// What the runtime tells the watchdog: which runtime there is, and what the program waits for.
//
// Serves stages 3 to 5.
//
// Thread-safety: all by any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "mp/runtime.h"
#include "mp/watchdog.h"

namespace async::detail {

// Written under a lock; for workers, which are told of changes (observers.h).
extern constinit std::atomic<bool> watchdog_on;
inline bool watchdog_is_on() noexcept { return watchdog_on.load(std::memory_order_relaxed); }

// There is a runtime with workers, and when it has none any more. The second returns when nobody
// looks at them.
void watch_workers(scheduler& runtime) noexcept;
void forget_workers() noexcept;

// While it exists, the program waits for something that should not take long.
class watched_wait {
 public:
  // A literal that goes on from "The program has waited for 1.2 s for", and whose events to tell.
  explicit watched_wait(const char* what_for, idle_waiter* waiter) noexcept;
  watched_wait(const watched_wait&) = delete;
  ~watched_wait();

 private:
  friend class hang_watch;
  const char* const what_for_;
  idle_waiter* const waiter_;
  // The watchdog's.
  std::chrono::steady_clock::time_point since_{};
  std::chrono::nanoseconds next_report_{};
  watched_wait* next_ = nullptr;  // guarded by the watchdog's lock
};

// For tests: watches as watchdog_start() does, but there is no thread, and time is what the callers
// of watchdog_look() say.
void watch_without_thread(std::chrono::nanoseconds limit);
std::vector<std::string> watchdog_look(std::chrono::steady_clock::time_point now);

}  // namespace async::detail
