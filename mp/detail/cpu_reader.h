// How a worker finds out what it was not on its CPU for: readings of its thread's CPU time.
//
// Serves stages 4 and 5, while they are traced or measured.
//
// Asking the kernel for the CPU time costs as much as several small callbacks. So it is read only
// at the end of a callback before which there was no reading for `interval`: hence at the end of
// each longer callback, and else once for many short ones. What passed between two readings without
// being CPU time was spent off the CPU, and is put down to the longest callback between them. What
// passed while the worker slept, polled or searched must not be counted: before a sleep there is a
// reading, and after a pause one with nothing before it.
//
// Thread-safety: a reader by its worker.
#pragma once

#include <cstdint>

#include "mp/detail/trace_clock.h"

namespace async::detail {

// Voluntary switches that were not asked for.
inline constexpr std::uint64_t not_asked = ~std::uint64_t{0};

struct cpu_reading {
  std::uint64_t cpu = 0;        // the thread's CPU time in ns
  std::uint64_t monotonic = 0;  // CLOCK_MONOTONIC in ns
  // How often the thread has gone to sleep by itself, for a lock, a read, a page of a file; asked
  // for only if it was off the CPU.
  std::uint64_t switches = not_asked;
};

struct off_cpu {
  std::uint64_t time = 0;  // in ns; 0 if it is less than what the clocks are read apart
  bool voluntary = false;  // it slept; else it was only taken off the CPU
};

// `last.switches` is what was known then, whenever it was asked for.
off_cpu off_cpu_between(const cpu_reading& last, const cpu_reading& now) noexcept;

class cpu_reader {
 public:
  cpu_reader() noexcept
      : interval(trace_clock::ticks_in_us(50)),  // a reading of half a us is then a hundredth
        pause(trace_clock::ticks_in_us(5)) {}

  // In ticks: so long after a reading there is another one.
  const std::uint64_t interval;
  // In ticks: a longer time between two turns was none of the callbacks'.
  const std::uint64_t pause;

  // A reading; what there was before it counts.
  cpu_reading read() noexcept;
  // A reading before which nothing counts.
  cpu_reading read_after_pause() noexcept;

 private:
  cpu_reading last_{};
};

}  // namespace async::detail
