// What a traced worker notes seldom: readings of its thread's CPU time, and sleeps.
#include "mp/detail/trace_lane.h"

#include <sys/resource.h>

namespace async::detail {

namespace {

// At 50 us, a reading of half a microsecond costs a hundredth.
constexpr std::uint64_t reading_interval_us = 50;
// A longer time between two turns was none of the callbacks'.
constexpr std::uint64_t pause_us = 5;
// Less than that off the CPU is within what the readings are apart, and what interrupts take.
constexpr std::uint64_t worth_asking_why = 2'000;  // ns

// How often the thread has gone to sleep by itself: for a lock, a read, a page of a file.
std::uint64_t voluntary_switches() noexcept {
  rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_nvcsw);
}

}  // namespace

trace_lane::trace_lane(std::size_t records, std::uint64_t origin)
    : origin_(origin),
      reading_interval_(trace_clock::ticks_in_us(reading_interval_us)),
      pause_(trace_clock::ticks_in_us(pause_us)),
      ring_(records) {}

void trace_lane::note(trace_kind kind) noexcept {
  if (kind == trace_kind::park && ended_ > read_) read();
  ring_.push_bare(since_origin(trace_clock::ordered()), kind);
}

void trace_lane::read() noexcept {
  const std::uint64_t monotonic = trace_clock::nanoseconds(CLOCK_MONOTONIC);
  const std::uint64_t cpu = trace_clock::nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  const bool was_off = monotonic - last_monotonic_ > cpu - last_cpu_ + worth_asking_why;
  push_reading(cpu, monotonic, was_off ? voluntary_switches() : trace_unknown, 0);
}

void trace_lane::read_after_pause() noexcept {
  const std::uint64_t monotonic = trace_clock::nanoseconds(CLOCK_MONOTONIC);
  const std::uint64_t cpu = trace_clock::nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  push_reading(cpu, monotonic, voluntary_switches(), trace_baseline);
  mark();
}

void trace_lane::push_reading(std::uint64_t cpu, std::uint64_t monotonic, std::uint64_t switches,
                              std::uint8_t flags) noexcept {
  last_cpu_ = cpu;
  last_monotonic_ = monotonic;
  read_ = since_origin(trace_clock::ordered());
  ring_.push({read_, trace_kind::reading, flags, cpu, monotonic, switches});
}

}  // namespace async::detail
