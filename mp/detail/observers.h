// What looks at the workers: a trace, the watchdog, metrics. Each may be turned on and off at any
// time.
//
// Serves stages 3 to 5.
//
// What a worker does otherwise while one of them is on is in a copy of its loop (worker_trace.cc),
// chosen once in a turn by one number.
//
// Thread-safety: all by any thread.
#pragma once

#include <atomic>

namespace async::detail {

enum class observer : unsigned { trace = 1, watchdog = 2, metrics = 4 };

// 0 if none is on; else a number that is another one whenever one has been turned on or off, or on
// once more. relaxed: what goes with it is read under each one's own lock.
extern constinit std::atomic<unsigned> observation;

// After the observer's own state has been changed.
void turn_on(observer who) noexcept;
void turn_off(observer who) noexcept;

// In a forked child: none is on.
void forget_observers() noexcept;

}  // namespace async::detail
