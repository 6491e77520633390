// timers: 1 M timers of random stamps inserted and fired; 1 M inserted and cancelled in random
// order; 10,000 of one stamp cancelled in random order (only the cancelling is timed). On one CPU,
// against bare libev. Stages 1 and 2, and for those that fire 3 to 5. `ns` is per timer.

#include <algorithm>
#include <numeric>
#include <random>
#include <string>

#include "bench/support/placement.h"
#include "bench/timers/timer_load.h"

namespace bench {

namespace {

using namespace std::chrono_literals;

std::vector<std::uint32_t> random_order(std::size_t count, std::mt19937_64& random) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

using runner = timing (*)(const timer_load&, bool);

void run(benchmark::State& state, runner run_on, const timer_load& load, bool cancelling_only) {
  const placement restored_afterwards;
  confine_to_first(1);
  double seconds = 0, cpu_ns = 0;
  for (auto _ : state) {
    const timing took = run_on(load, cancelling_only);
    state.SetIterationTime(took.seconds);
    seconds += took.seconds;
    cpu_ns += took.cpu_ns;
  }
  const double timers =
      static_cast<double>(state.iterations()) * static_cast<double>(load.due.size());
  state.counters["ns"] = seconds * 1e9 / timers;
  state.counters["cpu_ns"] = cpu_ns / timers;
}

/// `make` makes the load when the benchmark runs, not when it is registered.
void add_timers(const std::string& name, timer_load (*make)(), bool cancelling_only) {
  for (const auto& [engine, run_on] :
       {std::pair{"ours", &run_timers_on_ours}, std::pair{"peer:libev", &run_timers_on_libev}})
    add("timers/" + name, engine,
        [make, cancelling_only, run_on = run_on](benchmark::State& state) {
          run(state, run_on, make(), cancelling_only);
        });
}

std::size_t a_million() { return brief() ? 100'000 : 1'000'000; }

const bool added = [] {
  // Due before they are all inserted, so that nothing is measured but inserting and firing.
  add_timers(
      "inserted_and_fired", [] { return random_timers(fate::fire, a_million(), 10ms); }, false);
  add_timers(
      "inserted_and_cancelled", [] { return random_timers(fate::cancel, a_million(), 100s); },
      false);
  add_timers(
      "one_stamp_cancelled", [] { return equal_timers(10'000, 100s); }, true);
  return true;
}();

}  // namespace

timer_load random_timers(fate end, std::size_t count, std::chrono::nanoseconds within) {
  std::mt19937_64 random(42);
  timer_load made{end, {}, random_order(count, random)};
  std::uniform_int_distribution<std::int64_t> due(0, within.count());
  for (std::size_t i = 0; i < count; i++) made.due.emplace_back(due(random));
  if (end == fate::cancel)
    for (auto& at : made.due) at += 1s;
  return made;
}

timer_load equal_timers(std::size_t count, std::chrono::nanoseconds due) {
  std::mt19937_64 random(42);
  return {fate::cancel, std::vector<std::chrono::nanoseconds>(count, due),
          random_order(count, random)};
}

}  // namespace bench
