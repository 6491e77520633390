// Timers: callbacks after a while, or at a time (stages 1 and 2).
//
//   async::timecb_t idle = async::delaycb(30s, async::wrap(mkref(this), &conn::give_up));
//   ...
//   async::timecb_remove(idle);
//
// Timers run at or after their time, never before, as exactly as the kernel wakes a sleeper (some
// 50 us): earliest first, and those of one time in the order in which they were set; as posted
// callbacks, of different colors, they may overtake each other.
//
// Thread-safety: everything here may be called from any thread and any color, with or without a
// runtime, and does not block; but one removal in many sweeps the memory of all that were removed,
// which takes milliseconds if there are hundreds of thousands. One handle is as thread-safe as an
// int.
#pragma once

#include <chrono>
#include <concepts>
#include <utility>

#include "wrap/callback.h"
#include "wrap/refcnt.h"

namespace async {

// A timer that was set, or none; one counted pointer. Dropping it leaves the timer alone.
class timecb_t {
 public:
  timecb_t() noexcept = default;
  timecb_t(std::nullptr_t) noexcept {}

  // Whether it stands for a timer, be that waiting, run or removed.
  explicit operator bool() const noexcept { return static_cast<bool>(timer_); }
  friend bool operator==(const timecb_t&, const timecb_t&) noexcept = default;

  // For the library's own use.
  explicit timecb_t(ptr<refcount> timer) noexcept : timer_(std::move(timer)) {}
  refcount* get() const noexcept { return timer_.get(); }

 private:
  ptr<refcount> timer_;
};

// Has `cb` posted once, to its own color, when the clock has reached `at`. A time in the past is
// now. Throws std::bad_alloc, and std::system_error if the very first use of async/ can't make the
// loop; then cb is never called.
timecb_t timecb(std::chrono::steady_clock::time_point at, callback<void>::ref cb);

// The same for a time of day. It is converted here and now: if the clock is set later, the timer
// keeps the time that is left.
timecb_t timecb(std::chrono::system_clock::time_point at, callback<void>::ref cb);

// The same for `delay` from now; a negative one is none.
timecb_t delaycb(std::chrono::nanoseconds delay, callback<void>::ref cb);

template <class Rep, class Period>
  requires(!std::same_as<std::chrono::duration<Rep, Period>, std::chrono::nanoseconds>)
timecb_t delaycb(std::chrono::duration<Rep, Period> delay, callback<void>::ref cb) {
  using std::chrono::nanoseconds;
  constexpr std::chrono::duration<double> most = nanoseconds::max();  // some 292 years
  const std::chrono::duration<double> seconds = delay;
  if (!(seconds.count() > 0)) return delaycb(nanoseconds::zero(), std::move(cb));
  return delaycb(seconds < most ? std::chrono::ceil<nanoseconds>(delay) : nanoseconds::max(),
                 std::move(cb));
}

// Removes a timer; O(log n), averaged over many removals. Does nothing if it has run, is running
// (itself, perhaps), was removed before, or is none. From the callback's own color: the callback
// does not run any more, even if the timer had already expired. From another one it may still be
// running or about to. A callback that has not run is destroyed by this call.
void timecb_remove(const timecb_t& timer) noexcept;

}  // namespace async
