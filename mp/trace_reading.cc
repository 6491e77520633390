// Reading a trace's picture: all lanes together, in the order of time.
#include <algorithm>
#include <functional>
#include <optional>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "mp/detail/trace_picture.h"

namespace async::detail {

namespace {

class reading {
 public:
  reading(std::size_t lanes, double ns_per_tick, trace_reader& reader)
      : reader_(reader), ns_per_tick_(ns_per_tick), lanes_(lanes) {}

  void take(unsigned lane, const trace_record& r) {
    switch (r.kind) {
      case trace_kind::post:
        return post(lane, r);
      case trace_kind::begin:
        return begin(lane, r);
      case trace_kind::end:
        return end(lane, r);
      case trace_kind::reading:
        return;
      case trace_kind::park:
      case trace_kind::poll:
        lanes_[lane].idle_since = in_ns(r.time);
        return;
      case trace_kind::wake:
      case trace_kind::polled:
        if (const auto since = std::exchange(lanes_[lane].idle_since, {})) {
          reader_.was_idle(lane, *since, in_ns(r.time), r.kind == trace_kind::wake);
        }
        return;
    }
  }

  void finish(std::uint64_t window_end) {
    for (unsigned i = 0; i != lanes_.size(); ++i) {
      if (const auto since = lanes_[i].idle_since) reader_.was_idle(i, *since, window_end, true);
      if (auto& run = lanes_[i].run) {
        run->end = window_end;
        reader_.unfinished(*run);
      }
    }
    std::vector<trace_post> left;
    for (const auto& [task, waiting] : waiting_) left.push_back(waiting.post);
    std::ranges::sort(left, {}, &trace_post::time);
    for (const trace_post& post : left) reader_.not_run(post);
  }

 private:
  struct lane_state {
    std::optional<trace_run> run;  // that is going on
    trace_run_id last_run = 0;     // that was going on before, if it ended within the window,
    std::uint64_t last_end = 0;    // and when
    std::optional<std::uint64_t> idle_since;
  };
  // How long callbacks of a color have run so far, and since when one does.
  struct color_time {
    std::uint64_t sum = 0;
    std::optional<std::uint64_t> since;
    std::uint64_t at(std::uint64_t time) const {
      return sum + (since && time > *since ? time - *since : 0);
    }
  };
  struct waiting_post {
    trace_post post;
    std::uint64_t color_time;  // at the post
  };

  void post(unsigned lane, const trace_record& r) {
    const std::uint64_t time = in_ns(r.time);
    const auto& run = lanes_[lane].run;
    const waiting_post waiting{{.time = time,
                                .lane = lane,
                                .by = run ? run->id : 0,
                                .made_runnable = (r.flags & trace_made_runnable) != 0,
                                .color = r.color,
                                .site = r.site},
                               colors_[r.color].at(time)};
    const auto [place, is_new] = waiting_.try_emplace(r.subject, waiting);
    if (is_new) return;
    reader_.not_run(place->second.post);  // it was destroyed unrun, and its memory used again
    place->second = waiting;
  }

  void begin(unsigned lane, const trace_record& r) {
    const auto place = waiting_.find(r.subject);
    const bool posted = place != waiting_.end() && place->second.post.color == r.color;
    if ((r.flags & trace_no_callback) != 0) return;
    trace_run& run = lanes_[lane].run.emplace();
    run.id = ++last_id_;
    run.lane = lane;
    run.begin = in_ns(r.time);
    run.color = r.color;
    run.object = r.value;
    run.site = r.site;
    run.new_turn = (r.flags & trace_new_turn) != 0;
    run.is_step = (r.flags & trace_is_step) != 0;
    color_time& color = colors_[r.color];
    if (run.is_step) {
      const lane_state& before = lanes_[lane];
      run.posted = before.last_run != 0;
      run.post = {before.last_end, lane, before.last_run, false, r.color, r.site};
      run.waited_for_cpu = run.posted ? run.begin - before.last_end : 0;
    } else if (posted) {
      run.posted = true;
      run.post = place->second.post;
      const std::uint64_t waited = run.begin - run.post.time;
      run.waited_for_color = std::min(waited, color.at(run.begin) - place->second.color_time);
      run.waited_for_cpu = waited - run.waited_for_color;
      waiting_.erase(place);
    }
    color.since = run.begin;
    reader_.began(run);
  }

  void end(unsigned lane, const trace_record& r) {
    auto& run = lanes_[lane].run;
    if (!run) return;  // it began before the window, or is no callback
    run->end = in_ns(r.time);
    run->off_cpu = r.value;
    run->blocked = (r.flags & trace_voluntary) != 0;
    color_time& color = colors_[run->color];
    color.sum += run->end - run->begin;
    color.since.reset();
    reader_.ended(*run);
    lanes_[lane].last_run = run->id;
    lanes_[lane].last_end = run->end;
    run.reset();
  }

  std::uint64_t in_ns(std::uint64_t ticks) const noexcept {
    return static_cast<std::uint64_t>(static_cast<double>(ticks) * ns_per_tick_);
  }

  trace_reader& reader_;
  const double ns_per_tick_;
  std::vector<lane_state> lanes_;
  std::unordered_map<std::uint64_t, waiting_post> waiting_;  // by the task's address
  std::unordered_map<std::uint64_t, color_time> colors_;
  trace_run_id last_id_ = 0;
};

}  // namespace

void trace_picture::read(trace_reader& reader) const {
  // The next record of each lane: the earliest time first. At the same time, ends come before posts
  // and these before beginnings: what one CPU hands to another has happened there before.
  using entry = std::tuple<std::uint64_t, int, unsigned, std::size_t>;
  std::priority_queue<entry, std::vector<entry>, std::greater<>> next;
  const auto add = [&](unsigned lane, std::size_t index) {
    if (index == lanes_[lane].size()) return;
    const trace_record& r = lanes_[lane][index];
    const int rank = r.kind == trace_kind::begin ? 2 : r.kind == trace_kind::post ? 1 : 0;
    next.emplace(r.time, rank, lane, index);
  };
  for (unsigned lane = 0; lane != lanes_.size(); ++lane) add(lane, 0);
  reading all(lanes_.size(), ns_per_tick_, reader);
  while (!next.empty()) {
    const auto [time, rank, lane, index] = next.top();
    next.pop();
    all.take(lane, lanes_[lane][index]);
    add(lane, index + 1);
  }
  all.finish(end());
}

}  // namespace async::detail
