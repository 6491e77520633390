#include "arrivals.h"

#include <algorithm>
#include <unordered_map>

namespace advisor {

namespace {

class finder {
 public:
  finder(const trace& t, const trace_costs& costs) : trace_(t), costs_(costs) {
    root_.reserve(t.runs.size());
    for (index i = 0; i != t.runs.size(); ++i) {
      const run& r = t.runs[i];
      root_.push_back(r.by == none ? i : root_[r.by]);
      if (r.by == none) arrivals_.push_back(i);
      by_end_.push_back(i);
    }
    const auto earlier = [&](auto time) {
      return [this, time](index a, index b) { return trace_.runs[a].*time < trace_.runs[b].*time; };
    };
    std::stable_sort(arrivals_.begin(), arrivals_.end(), earlier(&run::post));
    std::stable_sort(by_end_.begin(), by_end_.end(), earlier(&run::end));
    taken_.push_back(0);
    for (const index i : by_end_) {
      const run& r = t.runs[i];
      taken_.push_back(taken_.back() + r.end - r.begin - r.length());
    }
  }

  std::vector<arrival> open() const {
    std::vector<arrival> found;
    for (const index i : arrivals_) {
      found.push_back({i, none, 0, std::max<ns>(0, trace_.runs[i].post - trace_.window_begin)});
    }
    return found;
  }

  std::vector<arrival> closed() {
    std::vector<arrival> found;
    for (const index i : arrivals_) found.push_back(after_earlier(i));
    return found;
  }

 private:
  arrival after_earlier(index i) {
    const run& r = trace_.runs[i];
    // Before, not at the same time: so no run waits for itself, or for one that waits for it.
    while (ended_ != by_end_.size() && trace_.runs[by_end_[ended_]].end < r.post) {
      const index over = by_end_[ended_++];
      note_last(trace_.runs[over].object, over);
      note_last(trace_.runs[root_[over]].object, over);
    }
    const ns ready = earliest_readiness(r);
    if (const auto same = last_.find(r.object); same != last_.end()) {
      return {i, same->second, 0, between(trace_.runs[same->second].end, ready)};
    }
    const auto over = std::lower_bound(by_end_.begin(), by_end_.end(), ready,
                                       [this](index b, ns t) { return trace_.runs[b].end < t; });
    if (over == by_end_.begin()) return {i, none, 0, between(trace_.window_begin, ready)};
    return {i, none, static_cast<index>(over - by_end_.begin()),
            between(trace_.runs[*(over - 1)].end, ready)};
  }

  // What is bound to no known object, such as a timer's callback, has to do with no other.
  void note_last(std::uint64_t object, index over) {
    if (object != 0) last_[object] = over;
  }

  // What passed from one time to the other, if it did, without that for which callbacks were kept
  // from running: what took their CPU is not to be replayed.
  ns between(ns from, ns to) const {
    return std::max<ns>(0, to - from - (taken_before(to) - taken_before(from)) / trace_.cpus);
  }
  ns taken_before(ns time) const {
    const auto over = std::upper_bound(by_end_.begin(), by_end_.end(), time,
                                       [this](ns t, index b) { return t < trace_.runs[b].end; });
    return taken_[static_cast<std::size_t>(over - by_end_.begin())];
  }

  // When it may have come: what a look at readiness has found, since the look before; what ended a
  // sleep, then.
  ns earliest_readiness(const run& r) const {
    if (!r.posted) return trace_.window_begin;
    if (r.from_thread) return r.post;
    const auto behind =
        std::upper_bound(trace_.idles.begin(), trace_.idles.end(), r.post,
                         [](ns time, const idle& look) { return time < look.begin; });
    if (behind == trace_.idles.begin()) return r.post;
    const auto look = behind - 1;
    if (has_slept(*look, costs_) || look->end < r.post) return r.post;
    return look == trace_.idles.begin() ? trace_.window_begin : (look - 1)->begin;
  }

  const trace& trace_;
  const trace_costs costs_;
  std::vector<index> root_;  // of each run: the arrival that led to it
  std::vector<index> arrivals_;
  std::vector<index> by_end_;
  std::vector<ns> taken_;  // from the first so many of by_end_, by whom they were kept from running
  std::size_t ended_ = 0;  // of by_end_
  std::unordered_map<std::uint64_t, index> last_;  // of each object
};

}  // namespace

std::vector<arrival> find_arrivals(const trace& t, arrival_model model, const trace_costs& costs) {
  finder f(t, costs);
  return model == arrival_model::open ? f.open() : f.closed();
}

}  // namespace advisor
