// Guarantee 4 of mp/runtime.h, fairness: a color that always has work delays another one by a
// bounded number of callbacks, and neither starves readiness, nor readiness them.
//
// Serves stages 3 to 5.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <tuple>
#include <vector>

#include "mp/colored.h"
#include "tests/mp/tools.h"

#if !defined(ASYNC_UNIPROCESSOR)  // which has no threads: its tests are in one_cpu_test.cc

namespace {

using namespace std::chrono_literals;
using async::color;
using async::post;
using async::runtime;
using async::turn_length;
using async::test::baton;
using async::test::event_source;
using async::test::lighter;

// A color that posts itself for as long as it may, and counts for its worker.
struct alignas(64) worker_count {
  std::atomic<std::uint64_t> ran{0};
};
std::array<worker_count, 64> counts;
std::atomic<unsigned> next_count;
worker_count& my_count() {
  thread_local worker_count& mine = counts[next_count++ % counts.size()];
  return mine;
}

void hog(color c, const std::atomic<bool>& over) {
  // relaxed: read only by rounds of the test that tell a bound.
  auto& n = my_count().ran;
  n.store(n.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (!over) post(c, [c, &over]() mutable { hog(std::move(c), over); });
}

struct fairness : testing::TestWithParam<std::tuple<unsigned, unsigned>> {};

TEST_P(fairness, a_color_waits_for_a_bounded_number_of_callbacks_behind_colors_that_never_end) {
  const auto [workers, hogs] = GetParam();
  std::atomic<bool> over{false};
  runtime cpus({.cpus = workers});
  cpus.start();
  std::vector<color> colors;
  for (unsigned i = 0; i != hogs; ++i) {
    colors.push_back(color::fresh());
    post(colors.back(), [c = colors.back(), &over] { hog(c, over); });
  }
  const color victim = color::fresh();
  std::uint64_t longest = 0;
  const auto round = [&](bool inside) {
    // How much each worker had run when the post had been made: not before, for then the poster may
    // lose its CPU for long. If the victim runs before that is known, the round tells nothing.
    std::array<std::atomic<std::uint64_t>, counts.size()> before;
    for (auto& b : before) b = ~std::uint64_t{0};
    baton ran, looked;
    const auto post_victim = [&] {
      post(victim, [&] {
        const auto me = static_cast<std::size_t>(&my_count() - counts.data());
        const std::uint64_t from = before[me], to = counts[me].ran;
        if (to > from) longest = std::max(longest, to - from);
        ran.post();
      });
      for (std::size_t i = 0; i != counts.size(); ++i) before[i] = counts[i].ran.load();
      looked.post();
    };
    if (inside)
      post(colors[0], [&] { post_victim(); });
    else
      post_victim();
    ran.wait();
    looked.wait();
  };
  for (unsigned i = 0; i != lighter(1000); ++i) round(i % 2 == 0);
  over = true;
  cpus.drain();
  cpus.stop();
  EXPECT_LE(longest, async::fairness_bound(hogs + 1));
  RecordProperty("longest", static_cast<int>(longest));
}

INSTANTIATE_TEST_SUITE_P(cpus_and_hogs, fairness,
                         testing::Combine(testing::Values(1u, 2u), testing::Values(1u, 4u, 300u)));

TEST(fairness_of_turns, a_color_runs_at_most_turn_length_callbacks_in_a_row) {
  runtime cpus({.cpus = 1});
  std::vector<int> order;
  const std::array<color, 2> colors{color::fresh(), color::fresh()};
  for (int i = 0; i != 1000; ++i)
    for (int c = 0; c != 2; ++c) {
      post(colors[c], [&order, c] {
        const async::unchecked one_cpu;
        order.push_back(c);
      });
    }
  cpus.start();
  cpus.drain();
  cpus.stop();
  ASSERT_EQ(order.size(), 2000u);
  unsigned row = 0, longest = 0;
  for (std::size_t i = 0; i != order.size(); ++i) {
    row = i != 0 && order[i] == order[i - 1] ? row + 1 : 1;
    longest = std::max(longest, row);
  }
  EXPECT_LE(longest, turn_length);
}

TEST(fairness_of_turns, a_chain_of_colors_through_the_slot_does_not_starve_the_queue) {
  runtime cpus({.cpus = 1});
  cpus.start();
  struct chain {
    std::atomic<bool> over{false};
    std::atomic<std::uint64_t> hops{0};
    void hop() {
      ++hops;
      if (!over) post(color::fresh(), [this] { hop(); });
    }
  } endless;
  post(color::fresh(), [&] { endless.hop(); });
  const color victim = color::fresh();
  std::uint64_t longest = 0;
  for (unsigned i = 0; i != lighter(1000); ++i) {
    baton ran;
    std::atomic<std::uint64_t> before{~std::uint64_t{0}};  // as above
    post(victim, [&] {
      const std::uint64_t from = before, to = endless.hops;
      if (to > from) longest = std::max(longest, to - from);
      ran.post();
    });
    before = endless.hops.load();
    ran.wait();
  }
  endless.over = true;
  cpus.drain();
  cpus.stop();
  EXPECT_LE(longest, async::fairness_bound(2));
}

TEST(fairness_to_readiness, a_busy_cpu_polls_after_a_bounded_number_of_callbacks) {
  struct counting_waiter : event_source {
    std::uint64_t ran = 0, ran_at_poll = 0, longest = 0;  // of the one worker
    void poll() noexcept override {
      longest = std::max(longest, ran - ran_at_poll);
      ran_at_poll = ran;
      event_source::poll();
    }
    void wait() noexcept override {
      event_source::wait();
      ran_at_poll = ran;
    }
  } waiter;
  struct self_poster {
    counting_waiter& waiter;
    color mine = color::fresh();
    std::uint64_t left = lighter(200'000);
    void count() {
      const async::unchecked one_cpu;
      ++waiter.ran;
    }
    void run() {
      count();
      if (--left != 0) post(mine, [this] { run(); });
    }
  };
  runtime cpus({.cpus = 1, .waiter = &waiter});
  std::vector<std::unique_ptr<self_poster>> hogs;
  for (int i = 0; i != 3; ++i) hogs.emplace_back(new self_poster{waiter});
  for (auto& h : hogs) post(h->mine, [&h] { h->run(); });
  cpus.start();
  cpus.drain();
  cpus.stop();
  EXPECT_GT(waiter.longest, 0u);
  EXPECT_LE(waiter.longest, 4 * async::poll_interval + turn_length);
}

TEST(fairness_to_readiness, events_without_end_and_a_color_without_end_both_go_on) {
  for (const unsigned workers : {1u, 2u}) {
    event_source waiter;
    std::atomic<std::uint64_t> events{0}, posts{0};
    baton enough_events, enough_posts;
    struct {
      std::function<void()> event, hog;
    } again;
    const color event_color = color::fresh(), hog_color = color::fresh();
    const auto enough = lighter(5000);
    again.event = [&] {
      post(event_color, [&] {
        if (++events == enough) enough_events.post();
        waiter.fire(again.event);  // ready again at once
      });
    };
    again.hog = [&] {
      if (++posts == enough) enough_posts.post();
      post(hog_color, [&] { again.hog(); });
    };
    runtime cpus({.cpus = workers, .waiter = &waiter});
    cpus.start();
    waiter.fire(again.event);
    post(hog_color, [&] { again.hog(); });
    enough_events.wait();
    enough_posts.wait();
    cpus.stop();
  }
}

// With a CPU idle, readiness is looked at even while another runs a callback that takes long.
TEST(fairness_to_readiness, an_event_is_handled_by_an_idle_cpu_while_another_runs_a_long_callback) {
  event_source waiter;
  runtime cpus({.cpus = 2, .waiter = &waiter});
  cpus.start();
  bool handled = true;
  for (int round = 0; round != 100 && handled; ++round) {
    cpus.drain();  // both are asleep
    // In some rounds for so long that no sleeper watches any more (mp/detail/parking.h).
    if (round < 3) std::this_thread::sleep_for(150ms);
    baton first_runs, ended;
    std::promise<void> second_ran;
    waiter.fire([&] {
      post(color::fresh(), [&] {
        first_runs.post();
        // A limit, so that a failure is not a test that hangs.
        handled = second_ran.get_future().wait_for(30s) == std::future_status::ready;
        ended.post();
      });
    });
    first_runs.wait();
    waiter.fire([&] { post(color::fresh(), [&] { second_ran.set_value(); }); });
    ended.wait();
    cpus.drain();
  }
  EXPECT_TRUE(handled);
  cpus.stop();
}

}  // namespace

#endif
