// What the replay of small traces must give, by hand.
#include <gtest/gtest.h>

#include "tests/advisor/hand_written.h"

namespace advisor::test {
namespace {

// Waking and searching take no time here, but what spins looks every so often.
constexpr double tolerance = 1;  // us

// `count` callbacks of 100 us each, one after the other on one CPU, posted before the beginning.
std::vector<callback> in_a_row(int count, const std::vector<std::string>& colors) {
  std::vector<callback> all;
  for (int i = 0; i != count; ++i) {
    all.push_back({.run = i + 1,
                   .site = 0,
                   .color = colors[static_cast<std::size_t>(i) % colors.size()],
                   .begin = 100.0 * i,
                   .length = 100});
  }
  return all;
}

TEST(replay, of_two_colors_takes_half_as_long_on_two_cpus) {
  const trace t = trace_of(in_a_row(20, {"1", "2"}), 2000);
  EXPECT_NEAR(replayed(t, 1), 2000, tolerance);
  EXPECT_NEAR(replayed(t, 2), 1000, tolerance);
  EXPECT_NEAR(replayed(t, 4), 1000, tolerance);
}

TEST(replay, of_one_color_takes_as_long_on_any_number_of_cpus) {
  const trace t = trace_of(in_a_row(20, {"default"}), 2000);
  for (const unsigned cpus : {1u, 2u, 8u, 64u}) {
    EXPECT_NEAR(replayed(t, cpus), 2000, tolerance) << cpus << " CPUs";
  }
}

TEST(replay, of_a_chain_takes_as_long_on_any_number_of_cpus) {
  std::vector<callback> chain;
  for (int i = 0; i != 20; ++i) {
    chain.push_back({.run = i + 1,
                     .site = 0,
                     .color = std::to_string(i + 1),
                     .begin = 100.0 * i,
                     .length = 100,
                     .post = 100.0 * i,  // at the end of the one before
                     .by = i});
  }
  const trace t = trace_of(chain, 2000);
  for (const unsigned cpus : {1u, 2u, 8u}) {
    EXPECT_NEAR(replayed(t, cpus), 2000, tolerance) << cpus << " CPUs";
  }
}

// One callback of 10 us posts eight of 100 us, each of which posts one of 10 us to one color.
std::vector<callback> fork_join() {
  std::vector<callback> all{{.run = 1, .site = 0, .color = "join", .begin = 0, .length = 10}};
  for (int i = 0; i != 8; ++i) {
    all.push_back({.run = 2 + i,
                   .site = 1,
                   .color = std::to_string(i),
                   .begin = 10 + 100.0 * i,
                   .length = 100,
                   .post = 10,
                   .by = 1});
  }
  for (int i = 0; i != 8; ++i) {
    all.push_back({.run = 10 + i,
                   .site = 2,
                   .color = "join",
                   .begin = 810 + 10.0 * i,
                   .length = 10,
                   .post = 110 + 100.0 * i,
                   .by = 2 + i});
  }
  return all;
}

TEST(replay, of_a_fork_join_divides_the_parts_only) {
  const trace t = trace_of(fork_join(), 890);
  EXPECT_NEAR(replayed(t, 1), 890, tolerance);
  // The joins of what ended before run beside the parts: on two CPUs as on four. With two, the
  // CPU that ends a part runs its join, which both do at once only in turn.
  EXPECT_NEAR(replayed(t, 8), 10 + 100 + 80, tolerance);
  EXPECT_GE(replayed(t, 2), 890 / 2.);
  EXPECT_LE(replayed(t, 2), 890 / 2. + 25);
}

TEST(replay, by_object_divides_a_site_among_its_objects) {
  std::vector<callback> all = in_a_row(40, {"default"});
  for (int i = 0; i != 40; ++i) {
    all[static_cast<std::size_t>(i)].object = "0x" + std::to_string(i % 4 + 1);
  }
  const trace t = trace_of(all, 4000);
  EXPECT_NEAR(replayed(t, 4), 4000, tolerance);
  EXPECT_NEAR(replayed(t, 1, {0}), 4000, tolerance);
  EXPECT_NEAR(replayed(t, 2, {0}), 2000, tolerance);
  EXPECT_NEAR(replayed(t, 4, {0}), 1000, tolerance);
  EXPECT_NEAR(replayed(t, 64, {0}), 1000, tolerance);
}

TEST(replay, of_blocked_callbacks_keeps_their_cpu) {
  std::vector<callback> all = in_a_row(8, {"1", "2"});
  for (callback& c : all) c.blocked = 70;
  const trace t = trace_of(all, 800);
  EXPECT_EQ(t.runs[0].cpu, 30'000);
  EXPECT_EQ(t.runs[0].blocked, 70'000);
  EXPECT_NEAR(replayed(t, 1), 800, tolerance);
  EXPECT_NEAR(replayed(t, 2), 400, tolerance);
}

TEST(replay, leaves_out_what_a_callback_was_kept_from_running) {
  std::string json = json_of(in_a_row(2, {"1"}), 200);
  const std::string whole = R"({"cpu":100)";
  for (std::size_t at; (at = json.find(whole)) != json.npos;) {
    json.replace(at, whole.size(), R"({"cpu":40,"preempted":60)");
  }
  EXPECT_NEAR(replayed(read(json), 1), 80, tolerance);
}

// Two clients, each of whom asks again 50 us after each answer; each answer takes 100 us.
std::vector<callback> two_clients() {
  std::vector<callback> all;
  for (int i = 0; i != 20; ++i) {
    const double begin = 100.0 * i;
    all.push_back({.run = i + 1,
                   .site = 0,
                   .color = std::to_string(i % 2 + 1),
                   .begin = begin,
                   .length = 100,
                   .post = i < 2 ? 0 : begin - 50,
                   .object = i % 2 == 0 ? "0xa" : "0xb"});
  }
  return all;
}

TEST(replay, in_closed_arrivals_come_as_long_after_the_answer_as_recorded) {
  const trace t = trace_of(two_clients(), 2000);
  EXPECT_NEAR(replayed(t, 1), 2000, tolerance);
  // Each client on its own: ten times 100 us, and nine times 50 us between.
  EXPECT_NEAR(replayed(t, 2), 1450, tolerance);
}

TEST(replay, ends_though_a_coarse_clock_has_runs_begin_and_end_when_they_were_posted) {
  std::vector<callback> calls;
  for (int i = 1; i != 9; ++i) {
    calls.push_back({.run = i, .site = 0, .color = "a", .begin = 5, .length = 0, .post = 5});
    calls.back().object = i % 2 == 0 ? "0x1" : "0x2";
  }
  calls.push_back({.run = 9, .site = 0, .color = "a", .begin = 5, .length = 10, .post = 5});
  EXPECT_NEAR(replayed(trace_of(calls, 20), 2), 15, 0.1);
}

TEST(replay, in_closed_timers_come_when_as_much_is_done_as_then) {
  // Ten callbacks each of four colors, and after the thirtieth a timer that posts one more: had it
  // to come 3000 us after the beginning, it would be the last.
  std::vector<callback> all = in_a_row(40, {"1", "2", "3", "4"});
  all.insert(all.begin() + 30,
             {.run = 50, .site = 1, .color = "5", .begin = 3000, .length = 0, .post = 3000});
  const trace t = trace_of(all, 4000);
  EXPECT_NEAR(replayed(t, 4), 1000, tolerance);
  EXPECT_NEAR(replayed(t, 4, {}, arrival_model::open), 3000, tolerance);
}

TEST(replay, in_open_arrivals_come_at_their_recorded_time) {
  const trace t = trace_of(two_clients(), 2000);
  EXPECT_NEAR(replayed(t, 1, {}, arrival_model::open), 2000, tolerance);
  EXPECT_NEAR(replayed(t, 2, {}, arrival_model::open), 1950, tolerance);
}

TEST(replay, counts_what_a_wake_up_takes) {
  const trace t = trace_of(
      {{.run = 1, .site = 0, .color = "1", .begin = 500, .length = 100, .post = 500}}, 600);
  const machine_costs dear{.wake_call = 5'000, .wake_delay = 30'000, .hand_over = 0};
  // All CPUs have long been asleep when it is posted.
  EXPECT_NEAR(replayed(t, 2, {}, arrival_model::open), 600, tolerance);
  EXPECT_NEAR(replayed(t, 2, {}, arrival_model::open, dear), 635, tolerance);
}

TEST(replay, counts_what_moving_to_another_cpu_takes) {
  // What the first has made runnable last stays on its CPU; the other goes to the other one.
  const trace t = trace_of(
      {{.run = 1, .site = 0, .color = "1", .begin = 0, .length = 100},
       {.run = 2, .site = 1, .color = "2", .begin = 100, .length = 200, .post = 1, .by = 1},
       {.run = 3, .site = 1, .color = "3", .begin = 300, .length = 10, .post = 2, .by = 1}},
      310);
  machine_costs dear = free_of_charge;
  dear.hand_over = 50'000;
  EXPECT_NEAR(replayed(t, 1, {}, arrival_model::closed, dear), 310, tolerance);
  EXPECT_NEAR(replayed(t, 2), 202, 2);
  EXPECT_NEAR(replayed(t, 2, {}, arrival_model::closed, dear), 252, 2);
}

TEST(replay, gives_the_same_each_time) {
  std::vector<callback> all = fork_join();
  const trace t = trace_of(all, 890);
  const replay r(t, find_arrivals(t, arrival_model::closed, {}), {}, {.between = 7});
  const coloring colors = recorded_coloring(t);
  for (const unsigned cpus : {1u, 2u, 3u, 16u}) {
    const outcome first = r.run_on(cpus, colors);
    for (int i = 0; i != 5; ++i) {
      const outcome again = r.run_on(cpus, colors);
      EXPECT_EQ(again.length, first.length) << cpus << " CPUs";
      EXPECT_EQ(again.busy, first.busy);
      EXPECT_EQ(again.waited, first.waited);
      EXPECT_EQ(again.moved, first.moved);
    }
  }
}

}  // namespace
}  // namespace advisor::test
