// What one CPU measures seldom: see detail/metrics_lane.h.
#include "mp/detail/metrics_lane.h"

namespace async::detail {

metrics_lane::metrics_lane(site_rows& sites, color_rows& colors, post_times& posts,
                           double ns_per_tick)
    : sites_(sites),
      colors_(colors),
      posts_(posts),
      ns_per_tick_(static_cast<std::uint64_t>(ns_per_tick * (1 << 20))),
      site_rows_(std::make_unique<live_metrics[]>(sites.rows())),
      color_rows_(std::make_unique<live_metrics[]>(colors.rows())),
      sampler_(reinterpret_cast<std::uintptr_t>(this)) {
  for (known_site& known : known_sites_) known.row = &site_rows_[0];
}

// The color's callbacks have run since the post for as long as its `work` has grown; all else was
// waiting for a CPU. A number of ticks is one of 63 bits there.
void metrics_lane::waited(post_times::moment posted) noexcept {
  if (unsettled_ != 0) settle();
  constexpr std::uint64_t mask = ~std::uint64_t{0} >> 1;
  const std::uint64_t wait = time_ > posted.time ? time_ - posted.time : 0;
  const std::uint64_t then = (posted.work >> 1) + ((posted.work & 1) != 0 ? posted.time : 0);
  const std::uint64_t worked = std::min(wait, (work_ + time_ - then) & mask);
  const std::uint64_t for_color = in_ns(worked), for_cpu = in_ns(wait - worked);
  for (live_metrics* const row : {site_, color_}) {
    row->waited_for_color.add(for_color);
    row->waited_for_cpu.add(for_cpu);
  }
}

// What was spent off the CPU is put down to the longest callback since the last reading.
void metrics_lane::read() noexcept {
  cpu_reading now = reader_.read();
  const off_cpu off = off_cpu_between(last_reading_, now);
  if (now.switches == not_asked) now.switches = last_reading_.switches;
  last_reading_ = now;
  const std::uint64_t lost = std::min(off.time, longest_);
  if (lost != 0) {
    for (live_metrics* const row : {longest_site_, longest_color_}) {
      row->cpu.lessen(longest_, lost);
      row->blocked.add(lost);
    }
  }
  longest_ = 0;
  read_ = time_ = std::max(trace_clock::ordered(), time_);
}

void metrics_lane::go_on() noexcept {
  paused_ = false;
  const std::uint64_t ended = time_;
  time_ = std::max(trace_clock::ordered(), time_);
  if (time_ - ended <= reader_.pause) return;
  last_reading_ = reader_.read_after_pause();
  longest_ = 0;
  read_ = time_ = trace_clock::ordered();
}

}  // namespace async::detail
