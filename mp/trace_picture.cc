// Taking a trace's picture: the window, and what was spent off the CPU. Reading it is in
// trace_reading.cc.
#include "mp/detail/trace_picture.h"

#include <algorithm>

#include "mp/detail/cpu_reader.h"

namespace async::detail {

trace_picture::trace_picture(const trace_session& session) : wall_clock_(session.wall_clock()) {
  const trace_instant first = session.began();
  const trace_instant now = trace_instant::now();
  if (now.ticks > first.ticks) {
    ns_per_tick_ = static_cast<double>(now.monotonic - first.monotonic) /
                   static_cast<double>(now.ticks - first.ticks);
  }
  // What is noted later than that is noted in some lanes, and not in others.
  window_end_ = now.ticks - first.ticks;
  for (const auto& [cpu, lane] : session.lanes()) {
    cpus_.push_back(cpu);
    overwritten_.push_back(lane->ring().copy(lanes_.emplace_back()));
  }
  cut();
  for (auto& records : lanes_) find_off_cpu(records);
}

void trace_picture::cut() {
  for (std::size_t i = 0; i != lanes_.size(); ++i) {
    dropped_ += overwritten_[i];
    if (overwritten_[i] == 0) continue;
    const auto& records = lanes_[i];
    window_begin_ = std::max(window_begin_, records.empty() ? window_end_ : records.front().time);
  }
  for (auto& records : lanes_) {
    const auto from = std::ranges::lower_bound(records, window_begin_, {}, &trace_record::time);
    dropped_ += static_cast<std::uint64_t>(from - records.begin());
    records.erase(records.begin(), from);
    const auto to = std::ranges::upper_bound(records, window_end_, {}, &trace_record::time);
    records.erase(to, records.end());
  }
}

// Puts down the time between two readings that was not CPU time to the longest callback between
// them: into `value` and `flags` of its end. And marks what is no callback at its beginning, too.
void trace_picture::find_off_cpu(std::vector<trace_record>& records) const {
  const trace_record* last = nullptr;
  std::uint64_t switches = not_asked;
  trace_record* begin = nullptr;
  trace_record* longest = nullptr;
  std::uint64_t its_length = 0;
  for (trace_record& r : records) {
    if (r.kind == trace_kind::begin) {
      begin = &r;
    } else if (r.kind == trace_kind::end && begin != nullptr) {
      const std::uint64_t length = in_ns(r.time) - in_ns(begin->time);
      if ((r.flags & trace_no_callback) != 0) {
        begin->flags |= trace_no_callback;
      } else if (longest == nullptr || length > its_length) {
        longest = &r;
        its_length = length;
      }
      begin = nullptr;
    } else if (r.kind == trace_kind::reading) {
      if (last != nullptr && longest != nullptr && (r.flags & trace_baseline) == 0) {
        const cpu_reading before{last->subject, last->color, switches};
        const off_cpu off = off_cpu_between(before, {r.subject, r.color, r.value});
        if (off.time != 0) {
          longest->value = std::min(off.time, its_length);
          if (off.voluntary) longest->flags |= trace_voluntary;
        }
      }
      if (r.value != not_asked) switches = r.value;
      last = &r;
      longest = nullptr;
    }
  }
}

std::uint64_t trace_picture::records() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& records : lanes_) sum += records.size();
  return sum;
}

}  // namespace async::detail
