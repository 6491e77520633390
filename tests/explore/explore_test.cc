// Exploration (mp/explore.h): which orders there are, that they come again, and what they find.
#include "mp/explore.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "async/fd.h"
#include "async/main.h"
#include "async/timer.h"
#include "mp/clock.h"
#include "mp/color.h"
#include "mp/detail/schedule.h"
#include "mp/runtime.h"
#include "tests/explore/planted.h"
#include "wrap/detail/sanitizers.h"

namespace async::test {
namespace {

using namespace std::chrono_literals;

void must_fail(bool yes) {
  if (yes) throw std::runtime_error("as it should");
}

// --- Orders ---

// Three colors of two callbacks each: 6! / (2! 2! 2!) orders.
std::string order_of_six() {
  std::string order;
  for (const char c : {'a', 'b', 'c'}) {
    const color its = color::fresh();
    post(its, [&order, c] { order += c; });
    post(its, [&order, c] { order += static_cast<char>(c - 'a' + 'A'); });
  }
  run_all();
  return order;
}

TEST(exploration, runs_every_order_that_the_guarantees_allow_once) {
  std::set<std::string> orders;
  unsigned runs = 0;
  const exploration found = explore(
      [&] {
        const std::string order = order_of_six();
        orders.insert(order);
        ++runs;
        EXPECT_EQ(order.size(), 6u);
        for (const char c : {'a', 'b', 'c'}) {
          EXPECT_LT(order.find(c), order.find(static_cast<char>(c - 'a' + 'A'))) << order;
        }
      },
      {.exhaustive = true});
  EXPECT_FALSE(found.failed) << found.message;
  EXPECT_TRUE(found.complete);
  EXPECT_EQ(orders.size(), 90u);
  EXPECT_EQ(runs, orders.size());
  EXPECT_EQ(found.schedules, runs);
}

TEST(exploration, begins_with_fifo) {
  std::vector<std::string> orders;
  explore([&] { orders.push_back(order_of_six()); }, {.schedules = 1});
  EXPECT_EQ(orders, std::vector<std::string>{"abcABC"});
}

TEST(exploration, may_be_bounded_by_the_deviations_from_fifo) {
  std::set<std::string> orders;
  const exploration found =
      explore([&] { orders.insert(order_of_six()); }, {.exhaustive = true, .most_deviations = 1});
  EXPECT_TRUE(found.complete);
  EXPECT_TRUE(orders.contains("abcABC"));
  EXPECT_TRUE(orders.contains("bcaBCA"));   // a was sent to the back at first
  EXPECT_TRUE(orders.contains("abcBCA"));   // or later
  EXPECT_FALSE(orders.contains("cCbBaA"));  // takes more
}

TEST(exploration, that_draws_comes_to_every_order) {
  std::set<std::string> orders;
  explore([&] { orders.insert(order_of_six()); }, {.schedules = 5000});
  EXPECT_EQ(orders.size(), 90u);
}

std::vector<std::string> drawn(std::uint64_t seed) {
  std::vector<std::string> orders;
  explore([&] { orders.push_back(order_of_six()); }, {.schedules = 50, .seed = seed});
  return orders;
}

TEST(exploration, does_the_same_with_the_same_seed) {
  EXPECT_EQ(drawn(7), drawn(7));
  EXPECT_NE(drawn(7), drawn(8));
}

// Written down once: the same on every machine, with every compiler.
TEST(exploration, does_the_same_on_every_machine) {
  const std::vector<std::string> orders = drawn(1);
  EXPECT_EQ(std::vector(orders.begin(), orders.begin() + 4),
            (std::vector<std::string>{"abcABC", "cCaAbB", "abcABC", "bcCBaA"}));
}

// --- What it finds ---

// One is as good as the next; under a sanitizer each takes ten times as long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int plain_runs = 500;
#else
constexpr int plain_runs = 10'000;
#endif

class a_mistake : public ::testing::TestWithParam<planted> {};

TEST_P(a_mistake, that_ten_thousand_plain_runs_do_not_show_is_found) {
  plainly = true;
  for (int i = 0; i < plain_runs; ++i) ASSERT_NO_THROW(GetParam().program());
  plainly = false;
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    const exploration found = explore(GetParam().program, {.seed = seed});
    ASSERT_TRUE(found.failed) << "seed " << seed;
    EXPECT_GT(found.schedules, 1u) << "FIFO shows it";
    // With no more deviations from FIFO than it takes to let one chain of callbacks overtake
    // another.
    const detail::deviations shrunk = detail::to_deviations(found.replay);
    EXPECT_LE(shrunk.size(), 12u) << found.message;
    EXPECT_GE(shrunk.size(), 1u);
    const exploration again = explore(GetParam().program, {.replay = found.replay});
    EXPECT_TRUE(again.failed);
    EXPECT_EQ(again.replay, found.replay);
    EXPECT_EQ(again.schedules, 1u);
  }
}

INSTANTIATE_TEST_SUITE_P(planted, a_mistake, ::testing::ValuesIn(mistakes),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(exploration, names_the_callbacks_that_took_another_order) {
  const exploration found = explore([] {
    bool first = true;
    post(color::fresh(), [&] { first = false; });
    post(color::fresh(), [&] { must_fail(first); });
    run_all();
  });
  EXPECT_EQ(found.replay, "0:1");
  EXPECT_NE(found.message.find("as it should, thrown by the callback of "), std::string::npos);
  EXPECT_NE(found.message.find("\n  callback 0: that of "), std::string::npos) << found.message;
  EXPECT_NE(found.message.find("\nseed: 1, schedule "), std::string::npos) << found.message;
}

TEST(exploration, says_when_a_program_depends_on_something_else) {
  int runs = 0;
  const exploration found = explore([&] { must_fail(++runs == 3); });
  EXPECT_TRUE(found.failed);
  EXPECT_NE(found.message.find("but not again"), std::string::npos) << found.message;
}

TEST(exploration, ends_a_program_that_does_not) {
  const exploration found = explore(
      [] {
        const std::function<void()> again = [&] { post(color(), again); };
        post(color(), again);
        run_all();
      },
      {.most_callbacks = 100});
  EXPECT_EQ(found.message.substr(0, found.message.find('\n')), "it did not end in 100 callbacks");
}

// --- Time, fds and threads ---

TEST(virtual_time, jumps_to_the_next_timer_when_nothing_else_is_left) {
  const auto begin = std::chrono::steady_clock::now();
  explore(
      [] {
        const auto start = steady_now();
        std::vector<std::chrono::nanoseconds> seen;
        for (const auto delay : {3h, 1h, 2h}) {
          delaycb(delay, wrap([&, start] {
                    seen.push_back(steady_now() - start);
                    for (int i = 0; i < 3; ++i) post(color::fresh(), [] {});
                  }));
        }
        amain();
        EXPECT_EQ(seen, (std::vector<std::chrono::nanoseconds>{1h, 2h, 3h}));
      },
      {.schedules = 10});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1h);
}

TEST(virtual_time, is_real_outside_of_an_exploration) {
  const auto before = std::chrono::steady_clock::now();
  const auto now = steady_now();
  EXPECT_LE(before, now);
  EXPECT_LE(now, std::chrono::steady_clock::now());
}

// Two timers of one time, of two colors: either may be first.
TEST(timers, of_one_time_are_explored) {
  std::set<std::string> orders;
  explore(
      [&] {
        std::string order;
        const auto at = steady_now() + 1s;
        timecb(at, cwrap(color::fresh(), [&] { order += 'a'; }));
        timecb(at, cwrap(color::fresh(), [&] { order += 'b'; }));
        amain();
        orders.insert(order);
      },
      {.schedules = 20});
  EXPECT_EQ(orders, (std::set<std::string>{"ab", "ba"}));
}

TEST(fds, that_are_ready_are_explored) {
  std::set<std::string> orders;
  explore(
      [&] {
        std::string order;
        int pipes[2][2];
        for (int i = 0; i < 2; ++i) {
          ASSERT_EQ(::pipe(pipes[i]), 0);
          ASSERT_EQ(::write(pipes[i][1], "x", 1), 1);
          const int fd = pipes[i][0];
          fdcb(fd, selread, cwrap(color::fresh(), [&order, fd, i] {
                 order += static_cast<char>('a' + i);
                 fdcb(fd, selread, nullptr);
               }));
        }
        amain();
        orders.insert(order);
        for (const auto& p : pipes) ::close(p[0]), ::close(p[1]);
      },
      {.schedules = 20});
  EXPECT_EQ(orders, (std::set<std::string>{"ab", "ba"}));
}

TEST(exploration, waits_for_other_threads_with_patience) {
  bool came = false;
  explore(
      [&] {
        std::thread other([&] {
          post(color(), [&] {
            came = true;
            stop();
          });
        });
        amain();
        other.join();
      },
      {.schedules = 1, .patience = 1h});
  EXPECT_TRUE(came);
}

// --- Misuse ---

TEST(exploration, has_one_runtime_at_a_time_and_no_threads) {
  {
    const runtime other;
    EXPECT_THROW(explore([] {}), std::logic_error);
  }
  const exploration nested = explore([] { explore([] {}); });
  EXPECT_TRUE(nested.failed);
  const exploration started = explore([] { runtime().start(); });
  EXPECT_TRUE(started.failed);
  EXPECT_NE(started.message.find("run() only"), std::string::npos) << started.message;
}

TEST(exploration, refuses_a_schedule_that_is_none) {
  for (const char* text :
       {"x", "1", "1:", ":1", "1:2,", "1:2;3:4", "-1:2", "99999999999999999999:1"}) {
    EXPECT_THROW(explore([] {}, {.replay = text}), std::invalid_argument) << text;
  }
  EXPECT_FALSE(explore([] {}, {.replay = "5:1,7:3"}).failed);
}

}  // namespace
}  // namespace async::test
