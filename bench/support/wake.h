#pragma once
// What a wake-up costs: a thread outside posts one callback to an engine whose threads have long
// been asleep, and watches for it to have run. Measures stages 3 to 5 and how idle CPUs wait.
//
// Thread safety: for the thread that runs the benchmarks, which is the poster.

#include <algorithm>
#include <atomic>
#include <vector>

#include "bench/support/measure.h"

namespace bench {

/// The callback that is posted.
struct mark {
  std::atomic<bool>* ran;
  void operator()() const { ran->store(true, std::memory_order_release); }
};

/// The value below which `part` of the values are.
inline double quantile(std::vector<double>& values, double part) {
  const auto at = static_cast<std::ptrdiff_t>(static_cast<double>(values.size() - 1) * part);
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

/// `post(mark)` posts a callback. `ns` is the median from just before the post until the poster
/// sees that the callback has run, `p90_ns` what nine in ten keep below; `post_ns` is the median of
/// the post alone, which includes waking a thread.
template <class Post>
void measure_wake(benchmark::State& state, Post post) {
  constexpr double pause_ns = 300'000;  // all engines give up searching and sleep within this
  std::vector<double> until_run, until_posted;
  std::atomic<bool> ran{false};
  for (auto _ : state) {
    const auto begin = clock::now();
    while (ns_since(begin) < pause_ns) {}
    ran.store(false, std::memory_order_relaxed);
    const auto start = clock::now();
    post(mark{&ran});
    until_posted.push_back(ns_since(start));
    while (!ran.load(std::memory_order_acquire)) {}
    until_run.push_back(ns_since(start));
    state.SetIterationTime(ns_since(begin) * 1e-9);
  }
  state.counters["ns"] = quantile(until_run, 0.5);
  state.counters["p90_ns"] = quantile(until_run, 0.9);
  state.counters["post_ns"] = quantile(until_posted, 0.5);
}

}  // namespace bench
