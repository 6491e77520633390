// Starting, draining, stopping and starting again, also under load.
//
// Serves stages 3 to 5: what becomes of callbacks at the edges of a runtime's life.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/mp/tools.h"

#if !defined(ASYNC_UNIPROCESSOR)  // which has no threads: its tests are in one_cpu_test.cc

namespace {

using async::color;
using async::post;
using async::run_summary;
using async::runtime;
using async::test::baton;
using async::test::lighter;

TEST(lifecycle, posts_made_before_the_start_are_run_after_it) {
  std::vector<int> order;
  for (int i = 0; i != 100; ++i) post(color{}, [&order, i] { order.push_back(i); });
  runtime cpus({.cpus = 2});
  for (int i = 100; i != 200; ++i) post(color{}, [&order, i] { order.push_back(i); });
  EXPECT_TRUE(order.empty());
  cpus.start();
  cpus.drain();
  ASSERT_EQ(order.size(), 200u);
  for (int i = 0; i != 200; ++i) EXPECT_EQ(order[i], i);
  EXPECT_EQ(cpus.stop().ran, 200u);
}

TEST(lifecycle, what_is_posted_between_two_runtimes_runs_in_the_second) {
  std::atomic<unsigned> ran{0};
  {
    runtime first({.cpus = 2});
    first.start();
    first.stop();
    post(color{1}, [&] { ++ran; });
  }
  post(color::fresh(), [&] { ++ran; });
  runtime second({.cpus = 1});
  second.start();
  second.drain();
  EXPECT_EQ(ran, 2u);
  EXPECT_EQ(second.stop().ran, 2u);
}

TEST(lifecycle, run_makes_the_caller_a_cpu_until_a_callback_stops_it) {
  for (const unsigned workers : {1u, 2u}) {
    runtime cpus({.cpus = workers});
    std::thread::id ran_on;
    unsigned hops = 0;
    struct chain {
      static void hop(unsigned& hops) {
        if (++hops == 1000) return async::stop();
        post(color{hops % 5}, [&hops] { hop(hops); });
      }
    };
    post(color{}, [&] { chain::hop(hops); });
    if (workers == 1) post(color{9}, [&] { ran_on = std::this_thread::get_id(); });
    cpus.run();
    EXPECT_EQ(hops, 1000u);
    if (workers == 1) {
      EXPECT_EQ(ran_on, std::this_thread::get_id());
    }
    EXPECT_FALSE(async::on_worker());
  }
}

TEST(lifecycle, run_gives_the_callers_cpu_affinity_back) {
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  runtime cpus;
  post(color{}, [] { async::stop(); });
  cpus.run();
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST(lifecycle, drain_returns_when_nothing_runs_and_shows_what_ran) {
  for (const unsigned workers : {1u, 2u, 4u}) {
    runtime cpus({.cpus = workers, .pin = false});
    cpus.start();
    cpus.drain();
    const unsigned rounds = static_cast<unsigned>(lighter(20000));
    for (unsigned round = 0; round != rounds; ++round) {
      std::array<unsigned, 3> ran{};  // plain: draining orders them
      for (unsigned i = 0; i != 3; ++i)
        post(color{1 + i}, [&ran, i] { post(color::fresh(), [&ran, i] { ++ran[i]; }); });
      cpus.drain();
      ASSERT_EQ(ran, (std::array<unsigned, 3>{1, 1, 1})) << "round " << round;
    }
    cpus.stop();
  }
}

TEST(lifecycle, drain_returns_when_a_callback_stops_the_runtime) {
  for (int round = 0; round != 50; ++round) {
    runtime cpus({.cpus = 2});
    cpus.start();
    baton runs, draining;
    post(color::fresh(), [&] {
      runs.post();
      draining.wait();
      async::stop();
    });
    runs.wait();
    // It may stop before the drain begins, or in the middle of it.
    if (round % 2 == 0) draining.post();
    std::thread helper([&] {
      if (round % 2 != 0) draining.post();
    });
    cpus.drain();
    helper.join();
    cpus.stop();
  }
}

TEST(lifecycle, a_runtime_can_be_made_and_stopped_thousands_of_times) {
  const auto rounds = lighter(4000);
  for (std::uint64_t i = 0; i != rounds; ++i) {
    std::atomic<unsigned> ran{0};
    runtime cpus({.cpus = 1 + static_cast<unsigned>(i % 3)});
    for (int k = 0; k != 3; ++k) post(color::fresh(), [&] { ++ran; });
    cpus.start();
    for (int k = 0; k != 3; ++k) post(color::fresh(), [&] { ++ran; });
    if (i % 2 == 0) cpus.drain();
    const run_summary summary = cpus.stop();
    ASSERT_EQ(summary.ran, ran);
    ASSERT_EQ(summary.ran + summary.destroyed, 6u);
    if (i % 2 == 0) {
      ASSERT_EQ(ran, 6u);
    }
  }
}

TEST(lifecycle, a_runtime_can_be_started_again_after_its_stop) {
  runtime cpus({.cpus = 2});
  for (int i = 0; i != 200; ++i) {
    bool ran = false;
    cpus.start();
    post(color{}, [&] { ran = true; });
    cpus.drain();
    EXPECT_EQ(cpus.stop().ran, 1u);
    ASSERT_TRUE(ran);
  }
}

TEST(lifecycle, a_runtime_that_was_never_started_stops_and_drains_at_once) {
  runtime cpus({.cpus = 2});
  cpus.drain();
  const run_summary summary = cpus.stop();
  EXPECT_EQ(summary.ran + summary.destroyed, 0u);
}

TEST(lifecycle, its_destructor_stops_a_runtime) {
  auto held = std::make_shared<int>(1);
  {
    runtime cpus({.cpus = 2});
    cpus.start();
    for (int i = 0; i != 1000; ++i) post(color::fresh(), [held] {});
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(lifecycle, there_is_one_runtime_at_a_time_and_it_is_started_once) {
  runtime cpus({.cpus = 1});
  EXPECT_THROW(runtime({.cpus = 1}), std::logic_error);
  cpus.start();
  EXPECT_THROW(cpus.start(), std::logic_error);
  cpus.stop();
  EXPECT_THROW(runtime({.cpus = async::max_cpus + 1}), std::logic_error);
}

TEST(lifecycle, a_failed_runtime_leaves_room_for_another) {
  EXPECT_THROW(runtime({.cpus = async::max_cpus + 1}), std::invalid_argument);
  runtime cpus({.cpus = 1});
  EXPECT_EQ(cpus.cpus(), 1u);
}

// Under load

struct under_load : testing::TestWithParam<unsigned> {};

TEST_P(under_load, nothing_is_lost_or_run_twice_when_posters_go_on_through_the_stop) {
  const unsigned workers = GetParam();
  constexpr unsigned posters = 3;
  const auto rounds = lighter(100);
  for (std::uint64_t round = 0; round != rounds; ++round) {
    std::atomic<std::uint64_t> posted{0}, ran{0}, ended{0};
    std::atomic<bool> over{false};
    struct counted {
      std::atomic<std::uint64_t>* ended;
      explicit counted(std::atomic<std::uint64_t>* e) : ended(e) {}
      counted(counted&& o) noexcept : ended(std::exchange(o.ended, nullptr)) {}
      ~counted() {
        if (ended != nullptr) ++*ended;
      }
    };
    runtime cpus({.cpus = workers});
    cpus.start();
    std::vector<std::thread> threads;
    for (unsigned p = 0; p != posters; ++p) {
      threads.emplace_back([&, p] {
        const color own = color::fresh();
        for (unsigned i = 0; !over && i != 20000; ++i) {
          ++posted;
          post(i % 3 == 0 ? own : color{i % 50 + p}, [&, c = counted(&ended), i] {
            ++ran;
            if (i % 8 != 0) return;
            ++posted;
            post(color{i % 11}, [&ran, d = counted(c.ended)] { ++ran; });
          });
        }
      });
    }
    while (ran < 50 * round) std::this_thread::yield();
    run_summary summary = cpus.stop();
    over = true;
    for (auto& t : threads) t.join();
    // What came after the stop waits for the next start.
    cpus.start();
    cpus.drain();
    const run_summary rest = cpus.stop();
    ASSERT_EQ(ran, summary.ran + rest.ran);
    ASSERT_EQ(posted, summary.ran + rest.ran + summary.destroyed + rest.destroyed);
    ASSERT_EQ(posted, ended);
  }
}

INSTANTIATE_TEST_SUITE_P(with_1_to_3_workers, under_load, testing::Range(1u, 4u));

TEST(under_load, a_stop_from_a_callback_and_one_from_outside_may_meet) {
  const auto rounds = lighter(500);
  for (std::uint64_t i = 0; i != rounds; ++i) {
    runtime cpus({.cpus = 2});
    cpus.start();
    for (int k = 0; k != 4; ++k)
      post(color::fresh(), [k] {
        if (k >= 2) async::stop();
      });
    std::thread outside([] { async::stop(); });
    const run_summary summary = cpus.stop();
    outside.join();
    ASSERT_EQ(summary.ran + summary.destroyed, 4u);
  }
}

}  // namespace

#endif
