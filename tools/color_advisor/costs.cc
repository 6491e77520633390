#include "costs.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "mp/detail/cpus.h"
#include "mp/detail/sync.h"

namespace advisor {

namespace {

using std::chrono::steady_clock;

ns now() { return std::chrono::nanoseconds(steady_clock::now().time_since_epoch()).count(); }

ns middle(std::vector<ns> values) {
  if (values.empty()) return 0;
  const auto half = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), half, values.end());
  return *half;
}

// One thread sleeps as a worker does, the other wakes it; then hands lines of the cache back and
// forth. A callback that moves brings some: its task, its closure, its color, its object.
class pair_of_threads {
 public:
  explicit pair_of_threads(std::vector<int> cpus) : cpus_(std::move(cpus)) {}

  machine_costs measure() {
    // Each on a CPU of its own: else the woken would come to its waker's.
    const async::detail::affinity_guard restore;
    async::detail::pin_this_thread(cpus_[0]);
    std::thread other([this] {
      async::detail::pin_this_thread(cpus_[1]);
      answer();
    });
    for (int i = 0; i != wakes; ++i) {
      woken_at_ = 0;
      compute_for(idle_before);
      const ns before = now();
      sleeper_.signal();
      calls_.push_back(now() - before);
      while (woken_at_ == 0) {}
      delays_.push_back(woken_at_ - before);
    }
    ns handing = most_for_a_line;
    const ns end = now() + 20'000'000;
    while (now() < end) {
      const ns before = now();
      for (int i = 0; i != rounds; ++i) hand_to_and_fro();
      handing = std::min(handing, (now() - before) / (2 * rounds));
    }
    over_ = true;
    mine_ = false;
    other.join();
    return {middle(calls_), middle(delays_), handing * lines_moved, 40};
  }

 private:
  static constexpr int wakes = 100;
  static constexpr ns idle_before = 200'000;  // the longer a CPU has slept, the slower it wakes up
  static constexpr int rounds = 100;  // the quickest hundred counts: a busy machine disturbs most
  static constexpr int lines_moved = 4;
  static constexpr ns most_for_a_line = 1'000;

  static void compute_for(ns time) {
    const ns end = now() + time;
    while (now() < end) {}
  }

  void hand_to_and_fro() {
    mine_ = false;
    while (!mine_) {}
  }

  void answer() {
    for (int i = 0; i != wakes; ++i) {
      sleeper_.wait();
      woken_at_ = now();
    }
    while (!over_) {
      while (mine_) {}
      mine_ = true;
    }
  }

  const std::vector<int> cpus_;
  async::detail::parker sleeper_;
  alignas(64) std::atomic<ns> woken_at_{0};
  alignas(64) std::atomic<bool> mine_{true};
  alignas(64) std::atomic<bool> over_{false};
  std::vector<ns> calls_, delays_;
};

// Twice what is usual is somebody else's.
template <class Value>
std::vector<ns> without_outliers(std::vector<ns> values, Value&& value) {
  const ns most = 4 * middle(values) + value;
  std::erase_if(values, [most](ns v) { return v > most; });
  return values;
}

ns mean(const std::vector<ns>& values) {
  ns sum = 0;
  for (const ns v : values) sum += v;
  return values.empty() ? 0 : sum / static_cast<ns>(values.size());
}

// Between two runs of one CPU, if it has not slept or looked in between, and the second was there
// when the first ended. A step follows its callback's last one with nothing in between.
ns find_between(const trace& t) {
  std::vector<ns> last(t.cpus, -1);
  std::vector<ns> gaps;
  for (const run& r : t.runs) {
    ns& before = last[r.cpu_number];
    if (before >= 0 && r.post <= before && !r.is_step) {
      const auto look = std::lower_bound(t.idles.begin(), t.idles.end(), before,
                                         [](const idle& i, ns time) { return i.begin < time; });
      if (look == t.idles.end() || look->begin >= r.begin) gaps.push_back(r.begin - before);
    }
    before = r.end;
  }
  return mean(without_outliers(std::move(gaps), 1'000));
}

// A look at readiness takes `fixed`, and `each` for what it finds.
struct line {
  double fixed = 0;
  double each = 0;
};

// The least squares through those points: (number found, time, weight).
line fit(const std::map<ns, std::pair<ns, double>>& points) {
  double weight = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const auto& [found, point] : points) {
    const auto n = static_cast<double>(found), time = static_cast<double>(point.first);
    weight += point.second;
    x += point.second * n;
    y += point.second * time;
    xx += point.second * n * n;
    xy += point.second * n * time;
  }
  const double spread = weight * xx - x * x;
  if (weight == 0) return {};
  if (spread <= 0) return {.fixed = y / weight};  // all found as many
  const double each = std::max(0., (weight * xy - x * y) / spread);
  return {.fixed = std::max(0., (y - each * x) / weight), .each = each};
}

// Of looks that found equally many, those that took least: the others have slept meanwhile, or were
// disturbed.
void find_looks(const trace& t, trace_costs& costs) {
  constexpr ns longest = 20'000;  // what takes longer was sleep
  std::map<ns, std::vector<ns>> times;
  for (const idle& look : t.idles) {
    if (look.found != 0) costs.looks = true;
    if (look.found != 0 || !look.slept) times[look.found].push_back(look.end - look.begin);
  }
  std::map<ns, std::pair<ns, double>> points;
  for (auto& [found, all] : times) {
    const auto tenth = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 10);
    std::nth_element(all.begin(), tenth, all.end());
    if (*tenth <= longest) points[found] = {*tenth, static_cast<double>(all.size())};
    if (found == 0) costs.looks = true;
  }
  const line all = fit(points);
  costs.look = static_cast<ns>(all.fixed);
  costs.each_found = static_cast<ns>(all.each);
}

}  // namespace

machine_costs measure_costs() {
  std::vector<int> cpus = async::detail::allowed_cpus();
  if (cpus.size() < 2) return {};
  return pair_of_threads(std::move(cpus)).measure();
}

trace_costs find_costs(const trace& t) {
  trace_costs costs;
  costs.between = find_between(t);
  find_looks(t, costs);
  return costs;
}

ns busy_part(const idle& i, const trace_costs& costs) {
  const ns looking = costs.look + costs.each_found * i.found;
  return std::min(i.end - i.begin, looking);
}

bool has_slept(const idle& i, const trace_costs& costs) {
  return i.slept && i.end - i.begin > 2 * busy_part(i, costs) + 1'000;
}

double busy_share(const trace& t, const trace_costs& costs) {
  if (t.window() == 0 || t.cpus == 0) return 0;
  ns busy = 0;
  for (const run& r : t.runs) busy += r.end - r.begin + costs.between;
  for (const idle& i : t.idles) busy += busy_part(i, costs);
  return std::min(1., static_cast<double>(busy) / static_cast<double>(t.window()) / t.cpus);
}

}  // namespace advisor
