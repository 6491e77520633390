// Readings of a thread's CPU time: see detail/cpu_reader.h.
#include "mp/detail/cpu_reader.h"

#include <sys/resource.h>

namespace async::detail {

namespace {

// Less than that off the CPU is within what the readings are apart, and what interrupts take.
constexpr std::uint64_t least_off_cpu = 2'000;  // ns

std::uint64_t voluntary_switches() noexcept {
  rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_nvcsw);
}

}  // namespace

off_cpu off_cpu_between(const cpu_reading& last, const cpu_reading& now) noexcept {
  const std::uint64_t wall = now.monotonic - last.monotonic;
  const std::uint64_t cpu = now.cpu - last.cpu;
  if (wall <= cpu + least_off_cpu) return {};
  return {wall - cpu, now.switches != not_asked && now.switches != last.switches};
}

cpu_reading cpu_reader::read() noexcept {
  cpu_reading now{.cpu = 0, .monotonic = trace_clock::nanoseconds(CLOCK_MONOTONIC)};
  now.cpu = trace_clock::nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  if (off_cpu_between(last_, now).time != 0) now.switches = voluntary_switches();
  last_ = now;
  return now;
}

cpu_reading cpu_reader::read_after_pause() noexcept {
  last_ = {.cpu = 0, .monotonic = trace_clock::nanoseconds(CLOCK_MONOTONIC)};
  last_.cpu = trace_clock::nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  last_.switches = voluntary_switches();
  return last_;
}

}  // namespace async::detail
