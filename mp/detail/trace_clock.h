// The clock of traces: the CPU's time stamp counter where the kernel itself takes it for the time
// on all CPUs, and CLOCK_MONOTONIC elsewhere.
//
// Serves stages 3 to 5, while they are traced.
//
// Thread-safety: begin() once, before the others; these by any thread. If one thread's reading is
// made before a release and another's, by ordered(), after the acquire that sees it, the second is
// not smaller.
#pragma once

#include <cstdint>
#include <ctime>

namespace async::detail {

class trace_clock {
 public:
  // Chooses the clock, and measures it: takes some 200 us the first time.
  static void begin() noexcept;

  // The time in ticks. May be read a little before what precedes it is complete.
  static std::uint64_t now() noexcept {
#if defined(__x86_64__)
    if (uses_counter_) [[likely]]
      return __builtin_ia32_rdtsc();
#endif
    return nanoseconds(CLOCK_MONOTONIC);
  }

  // The time in ticks, read when all loads before it are complete.
  static std::uint64_t ordered() noexcept {
#if defined(__x86_64__)
    if (uses_counter_) [[likely]] {
      __builtin_ia32_lfence();
      return __builtin_ia32_rdtsc();
    }
#endif
    return nanoseconds(CLOCK_MONOTONIC);
  }

  static std::uint64_t nanoseconds(clockid_t clock) noexcept {
    std::timespec time;
    clock_gettime(clock, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec);
  }

  // Some percent off, if begin() was held up: for limits only.
  static std::uint64_t ticks_in_us(std::uint64_t us) noexcept { return us * ticks_per_us_; }

  static const char* name() noexcept { return uses_counter_ ? "tsc" : "CLOCK_MONOTONIC"; }

 private:
  // Written by begin() only.
  static constinit bool uses_counter_;
  static constinit std::uint64_t ticks_per_us_;
};

// Where a reading of the clock and CLOCK_MONOTONIC belong together. Two of them tell how long a
// tick is.
struct trace_instant {
  std::uint64_t ticks;
  std::uint64_t monotonic;  // ns

  static trace_instant now() noexcept {
    return {trace_clock::ordered(), trace_clock::nanoseconds(CLOCK_MONOTONIC)};
  }
};

}  // namespace async::detail
