#include "replay.h"

#include <algorithm>
#include <numeric>
#include <queue>
#include <stdexcept>
#include <utility>

#include "mp/color.h"
#include "mp/runtime.h"
#include "virtual_cpus.h"

namespace advisor {

namespace {

// Lists of numbers, one after the other: of[i] says in which list i belongs, `none` in none.
void sort_into_lists(const std::vector<index>& of, std::size_t lists, std::vector<index>& all,
                     std::vector<index>& first) {
  first.assign(lists + 1, 0);
  for (const index list : of) {
    if (list != none) ++first[list + 1];
  }
  std::partial_sum(first.begin(), first.end(), first.begin());
  all.resize(first.back());
  std::vector<index> next(first.begin(), first.end() - 1);
  for (index i = 0; i != of.size(); ++i) {
    if (of[i] != none) all[next[of[i]]++] = i;
  }
}

}  // namespace

// One replay, while it goes on.
class playing final : public async::idle_waiter {
 public:
  playing(const replay& r, unsigned cpus, const coloring& colors)
      : replay_(r),
        runs_(r.trace_.runs),
        coloring_(colors),
        machine_({.call = r.machine_.wake_call, .delay = r.machine_.wake_delay}),
        colors_(colors.count),
        ran_on_(runs_.size(), nowhere),
        color_ran_on_(colors.count, nowhere),
        runtime_({.cpus = cpus, .pin = false, .waiter = r.traced_.looks ? this : nullptr}) {
    for (async::color& c : colors_) c = async::color::fresh();
    result_.busy.assign(colors.count, 0);
    for (const run& r : runs_) all_work_ += r.length();
  }

  outcome play() {
    for (index i = 0; i != replay_.arrivals_.size(); ++i) {
      const arrival& a = replay_.arrivals_[i];
      if (a.after == none && a.count == 0) expect(a.run, a.delay);
    }
    runtime_.start();
    while (over_ != runs_.size()) {
      post_due(from_threads_);
      machine_.sleep_until(next_of(from_threads_));
      if (machine_.is_stuck()) throw std::logic_error("a replay does not end");
    }
    colors_.clear();  // here, so that what ends them runs, too
    runtime_.drain();
    runtime_.stop();
    return std::move(result_);
  }

  // How the library's workers wait for events, if the program's did.

  void poll() noexcept override {
    machine_.spend(replay_.traced_.look);
    post_due(ready_);
  }

  void wait() noexcept override {
    machine_.spend(replay_.traced_.look);
    if (next_of(ready_) > machine_.now() && !std::exchange(woken_, false)) {
      leader_ = machine_.running();
      machine_.sleep_until(next_of(ready_));
      leader_ = nobody;
    }
    woken_ = false;
    post_due(ready_);
  }

  void wake() noexcept override {
    woken_ = true;
    if (leader_ != nobody) machine_.wake(leader_);
  }

 private:
  using due = std::pair<ns, index>;  // when which run is posted
  using queue = std::priority_queue<due, std::vector<due>, std::greater<>>;

  static constexpr std::uint16_t nowhere = 0xffff;
  static constexpr std::size_t nobody = ~std::size_t{0};

  static ns next_of(const queue& q) { return q.empty() ? machine::forever : q.top().first; }

  // An arrival is not there before `time`.
  void expect(index i, ns time) {
    const run& r = runs_[i];
    if (!replay_.traced_.looks || r.from_thread || !r.posted) {
      from_threads_.emplace(time, i);
      machine_.hurry(0, time);
    } else {
      ready_.emplace(time, i);
      if (leader_ != nobody) machine_.hurry(leader_, time);
    }
  }

  void post_due(queue& q) {
    while (next_of(q) <= machine_.now()) {
      const index i = q.top().second;
      q.pop();
      if (&q == &ready_) machine_.spend(replay_.traced_.each_found);
      post(i);
    }
  }

  void post(index i) {
    result_.waited -= machine_.now();
    async::post(colors_[coloring_.of_run[i]], [this, i] { perform(i); });
  }

  // What stands for a callback.
  void perform(index i) {
    const run& r = runs_[i];
    result_.waited += machine_.now();
    const ns overhead = replay_.traced_.between + moving(i);
    if (overhead != 0) machine_.spend(overhead);
    const ns begin = machine_.now();
    ns done = 0;
    const double speed =
        r.end == r.begin ? 0
                         : static_cast<double>(r.length()) / static_cast<double>(r.end - r.begin);
    for (index c = replay_.first_child_[i]; c != replay_.first_child_[i + 1]; ++c) {
      const index child = replay_.children_[c];
      const ns until = static_cast<ns>(static_cast<double>(runs_[child].post - r.begin) * speed);
      const bool leaves =
          coloring_.of_run[child] != coloring_.of_run[i] && runs_[child].color == r.color;
      const ns extra = leaves ? replay_.machine_.other_color : 0;
      if (until - done + extra > 0) machine_.spend(until - done + extra);
      done = std::max(done, until);
      post(child);
    }
    if (r.length() > done) machine_.spend(r.length() - done);
    result_.busy[coloring_.of_run[i]] += machine_.now() - begin;
    end(i);
  }

  // What it costs that a callback's data come from another CPU.
  ns moving(index i) {
    const auto here = static_cast<std::uint16_t>(machine_.running());
    const index color = coloring_.of_run[i];
    const index by = runs_[i].by;
    const bool from_poster = by != none && ran_on_[by] != here;
    const bool from_color = color_ran_on_[color] != nowhere && color_ran_on_[color] != here;
    ran_on_[i] = here;
    color_ran_on_[color] = here;
    if (!from_poster && !from_color) return 0;
    ++result_.moved;
    return replay_.machine_.hand_over;
  }

  void end(index i) {
    ++over_;
    for (index f = replay_.first_follower_[i]; f != replay_.first_follower_[i + 1]; ++f) {
      const arrival& a = replay_.arrivals_[replay_.followers_[f]];
      expect(a.run, machine_.now() + a.delay);
    }
    for (; counted_ != replay_.counted_.size(); ++counted_) {
      const arrival& a = replay_.arrivals_[replay_.counted_[counted_]];
      if (a.count > over_) break;
      expect(a.run, machine_.now() + a.delay);
    }
    note_progress(runs_[i].length());
    if (over_ == runs_.size()) {
      result_.length = machine_.now();
      result_.steady_length = steady_length();
      machine_.hurry(0, machine_.now());
    }
  }

  void note_progress(ns work) {
    done_work_ += work;
    if (first_.work == 0 && done_work_ >= all_work_ / 20) first_ = {machine_.now(), done_work_};
    if (done_work_ <= all_work_ - all_work_ / 20) last_ = {machine_.now(), done_work_};
  }

  ns steady_length() const {
    constexpr std::size_t enough = 1000;
    if (runs_.size() < enough || last_.work <= first_.work) return result_.length;
    return static_cast<ns>(static_cast<double>(last_.time - first_.time) *
                           static_cast<double>(all_work_) /
                           static_cast<double>(last_.work - first_.work));
  }

  const replay& replay_;
  const std::vector<run>& runs_;
  const coloring& coloring_;
  machine machine_;
  std::vector<async::color> colors_;
  std::vector<std::uint16_t> ran_on_;
  std::vector<std::uint16_t> color_ran_on_;
  queue ready_;
  queue from_threads_;
  std::size_t leader_ = nobody;  // the fiber that sleeps in wait()
  bool woken_ = false;           // and whether it was woken, or is to be
  std::size_t over_ = 0;
  std::size_t counted_ = 0;
  struct progress {
    ns time = 0;
    ns work = 0;  // done until then
  };
  ns all_work_ = 0;
  ns done_work_ = 0;
  progress first_;
  progress last_;
  outcome result_;
  async::runtime runtime_;
};

replay::replay(const trace& t, std::vector<arrival> arrivals, const machine_costs& machine,
               const trace_costs& traced)
    : trace_(t), arrivals_(std::move(arrivals)), machine_(machine), traced_(traced) {
  std::vector<index> by;
  for (const run& r : t.runs) by.push_back(r.by);
  sort_into_lists(by, t.runs.size(), children_, first_child_);
  for (std::size_t i = 0; i != t.runs.size(); ++i) {
    std::stable_sort(children_.begin() + first_child_[i], children_.begin() + first_child_[i + 1],
                     [&](index a, index b) { return t.runs[a].post < t.runs[b].post; });
  }
  std::vector<index> after;
  for (const arrival& a : arrivals_) after.push_back(a.after);
  sort_into_lists(after, t.runs.size(), followers_, first_follower_);
  for (index i = 0; i != arrivals_.size(); ++i) {
    if (arrivals_[i].after == none && arrivals_[i].count != 0) counted_.push_back(i);
  }
  std::stable_sort(counted_.begin(), counted_.end(),
                   [this](index a, index b) { return arrivals_[a].count < arrivals_[b].count; });
}

outcome replay::run_on(unsigned cpus, const coloring& colors) const {
  return playing(*this, cpus, colors).play();
}

}  // namespace advisor
