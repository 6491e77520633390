// What a traced worker notes seldom: readings of its thread's CPU time, and sleeps.
#include "mp/detail/trace_lane.h"

namespace async::detail {

trace_lane::trace_lane(std::size_t records, std::uint64_t origin)
    : origin_(origin), ring_(records) {}

void trace_lane::note(trace_kind kind) noexcept {
  if (kind == trace_kind::park && ended_ > read_) read();
  ring_.push_bare(since_origin(trace_clock::ordered()), kind);
}

void trace_lane::read() noexcept { push_reading(reader_.read(), 0); }

void trace_lane::read_after_pause() noexcept {
  push_reading(reader_.read_after_pause(), trace_baseline);
  mark();
}

void trace_lane::push_reading(const cpu_reading& reading, std::uint8_t flags) noexcept {
  read_ = since_origin(trace_clock::ordered());
  ring_.push({read_, trace_kind::reading, flags, reading.cpu, reading.monotonic, reading.switches});
}

}  // namespace async::detail
