// Overload (async/overload.h): simulated, with a clock of its own, so that each run is the same.
#include "async/overload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <random>
#include <vector>

#include "tests/async/helpers.h"

namespace async::test {
namespace {

using namespace std::chrono_literals;
using clock = load_shedder::clock;
using std::chrono::nanoseconds;

constexpr clock::time_point start = clock::time_point() + 1h;

// What becomes of requests that come at random, at `load` times what a server can do that answers
// one in 1 ms on average and turns one away in 20 us. Their senders have given up after 50 ms.
struct outcome {
  double goodput = 0;          // answered in time, of what the server can do
  nanoseconds p99{}, worst{};  // from arrival to answer, of all that were answered
};

outcome simulate(double load, bool shedding, std::uint64_t stream) {
  constexpr auto duration = 60s;
  constexpr nanoseconds deadline = 50ms;
  prng random = make_prng(stream);
  std::exponential_distribution<double> gap(load), work(1.0);  // in ms
  const auto ms = [](double n) { return nanoseconds(static_cast<std::int64_t>(n * 1e6)); };
  load_shedder shedder({.target = 5ms, .interval = 100ms});
  std::vector<nanoseconds> taken;
  clock::time_point arrival = start, server_free = start;
  std::size_t in_time = 0;
  // First come, first served: each request's turn comes when the one before it is done.
  while ((arrival += ms(gap(random))) < start + duration) {
    const clock::time_point turn = std::max(arrival, server_free);
    if (shedding && shedder.should_shed(arrival, turn)) {
      server_free = turn + 20us;
      continue;
    }
    server_free = turn + ms(work(random));
    taken.push_back(server_free - arrival);
    if (taken.back() <= deadline && server_free <= start + duration) ++in_time;
  }
  outcome result;
  result.goodput =
      static_cast<double>(in_time) / std::chrono::duration<double, std::milli>(duration).count();
  std::sort(taken.begin(), taken.end());
  result.p99 = taken[taken.size() * 99 / 100];
  result.worst = taken.back();
  return result;
}

TEST(load_shedding, keeps_goodput_within_5_percent_of_its_peak_at_any_overload) {
  double peak = 0;
  for (const double load : {0.5, 0.9, 1.0, 1.5, 2.0, 3.0})
    peak = std::max(peak, simulate(load, true, 1).goodput);
  EXPECT_GT(peak, 0.9);
  for (const double load : {1.5, 2.0, 3.0}) {
    const outcome o = simulate(load, true, 1);
    RecordProperty("goodput at " + std::to_string(load), std::to_string(o.goodput));
    EXPECT_GE(o.goodput, 0.95 * peak) << load;
  }
  EXPECT_LT(simulate(2.0, false, 1).goodput, 0.05) << "without it, all answers come too late";
}

TEST(load_shedding, bounds_what_answers_take_at_twice_the_capacity) {
  const outcome o = simulate(2.0, true, 2);
  EXPECT_LT(o.p99, 2 * 5ms + 10ms) << "twice the target, and the work itself";
  EXPECT_LT(o.worst, 2 * 100ms) << "in the two intervals until it is noticed";
}

TEST(load_shedding, turns_nobody_away_below_the_capacity) {
  for (const double load : {0.5, 0.8})
    EXPECT_GE(simulate(load, true, 3).goodput, 0.97 * load) << load;
}

TEST(load_shedding, does_not_mind_a_burst) {
  load_shedder shedder({.target = 5ms, .interval = 100ms});
  // 90 requests at once, of 1 ms each, every 100 ms: some wait for long, but the queue gets empty.
  for (int burst = 0; burst < 20; ++burst) {
    const auto arrival = start + burst * 100ms;
    for (int i = 0; i < 90; ++i) EXPECT_FALSE(shedder.should_shed(arrival, arrival + i * 1ms));
  }
}

TEST(load_shedding, begins_after_a_whole_interval_and_ends_with_a_short_wait) {
  load_shedder shedder({.target = 5ms, .interval = 100ms});
  auto now = start;
  const auto ask = [&](nanoseconds wait) { return shedder.should_shed(now - wait, now); };
  EXPECT_FALSE(ask(20ms));
  now += 99ms;
  EXPECT_FALSE(ask(20ms)) << "the first interval is not over";
  now += 1ms;
  EXPECT_TRUE(ask(20ms));
  EXPECT_FALSE(ask(10ms)) << "no more than twice the target";
  now += 50ms;
  EXPECT_TRUE(ask(11ms));
  EXPECT_FALSE(ask(5ms));
  EXPECT_FALSE(ask(11ms)) << "somebody had to wait for the target only";
  now += 10ms;
  EXPECT_FALSE(ask(11ms)) << "he is in this interval";
  now += 10ms;
  EXPECT_TRUE(ask(11ms)) << "but the next overload is soon found";
}

TEST(load_shedding, forgets_an_overload_when_nobody_comes_for_an_interval) {
  load_shedder shedder({.target = 5ms, .interval = 100ms});
  auto now = start;
  for (int i = 0; i < 30; ++i, now += 10ms) shedder.should_shed(now - 20ms, now);
  EXPECT_TRUE(shedder.overloaded());
  now += 200ms;
  EXPECT_FALSE(shedder.should_shed(now - 20ms, now));
}

class probes : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(probes);

TEST_P(probes, see_that_callbacks_wait_and_do_not_keep_the_program_from_ending) {
  queue_probe probe(1us);
  nanoseconds seen{};
  // Callbacks that keep the CPUs busy, each for a while, until the probe has had to wait for some.
  std::atomic<bool> ended = false;
  std::function<void(color)> work = [&](color c) {
    const auto until = clock::now() + 20us;
    while (clock::now() < until) {}
    if (probe.delay() >= 1ms && !ended.exchange(true)) {
      seen = probe.delay();
      stop();
    }
    if (!ended) post(c, [&work, c] { work(c); });
  };
  for (int i = 0; i < 16; ++i) {
    const color c = color::fresh();
    post(c, [&work, c] { work(c); });
  }
  run();
  EXPECT_GE(seen, 1ms);
}

TEST_P(probes, go_on_in_the_next_amain) {
  queue_probe probe(1ms);
  post(color(), [] { stop(); });
  while (probe.delay() < 5ms) {}
  const auto before = probe.delay();
  select_waiter().poll();
  EXPECT_NE(amain({.cpus = 1}).destroyed, 0u) << "the probe's callback";
  const std::function<void()> until_seen = [&] {
    if (probe.delay() < before) return stop();
    post(color(), until_seen);
  };
  post(color(), until_seen);
  run();  // until it has come again
}

}  // namespace
}  // namespace async::test
