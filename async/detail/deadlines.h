// The time limits of all streams: one wheel, and a timer for its next slot (stages 1 and 3).
//
// A timer that was set for a later slot is left to ring for nothing.
//
// Thread-safety: any thread. No other lock is taken under the mutex.
// Invariants: who is in the wheel is counted once for it; while the wheel is not empty, a timer is
// set, or about to be set by who has the duty, for its next slot or earlier.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "async/detail/deadline_wheel.h"
#include "async/detail/fork_safe.h"

namespace async {
class aios;
}

namespace async::detail {

class deadlines final : fork_participant {
 public:
  // Those of the program.
  static deadlines& shared();

  // The clock of the limits, which is coarse and cheap; the streams keep its lower half.
  static wheel_time now() noexcept { return clock_(); }
  static std::uint32_t stamp() noexcept { return static_cast<std::uint32_t>(now()); }

  // Has `stream` look at its deadlines, under its color, at `at` (of stamp()) or later; once.
  // It is in no wheel, and is kept alive until then.
  void add(aios& stream, std::uint32_t at);
  // Whether that is taken back; if not, the look is on its way.
  bool remove(aios& stream) noexcept;

  // The time has come for some.
  void ring();

  // For tests: another clock, under which ring() may be called by hand.
  static void set_clock(wheel_time (*clock)() noexcept) noexcept { clock_ = clock; }
  static wheel_time real_clock() noexcept;

 private:
  static constexpr wheel_time no_timer = ~wheel_time{0};
  class alarm;

  deadlines();
  wheel_time timer_to_set() noexcept;
  void set_timer(wheel_time at);
  void rang(wheel_time at);
  void before_fork() noexcept override { mutex_.lock(); }
  void after_fork_in_parent() noexcept override { mutex_.unlock(); }
  void after_fork_in_child() noexcept override;

  static wheel_time (*clock_)() noexcept;

  std::mutex mutex_;

  // Guarded by mutex_.
  std::unique_ptr<deadline_wheel> wheel_;
  wheel_time timer_at_ = no_timer;  // of the earliest that is set, or to be set
};

}  // namespace async::detail
