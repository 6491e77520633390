// Sleeping and waking with real threads: no wake-up is lost in a million, and what a callback has
// published another worker runs.
//
// Serves stages 3 and 4. parking.h is explored in explore_parking_test.cc; this is the whole.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/mp/tools.h"

#if !defined(ASYNC_UNIPROCESSOR)  // which has no threads: its tests are in one_cpu_test.cc

namespace {

using async::color;
using async::post;
using async::publish;
using async::runtime;
using async::test::baton;
using async::test::event_source;
using async::test::lighter;

// Waits until `done` is at least `n` as cheaply as it can while both sides have a CPU.
void wait_for(const std::atomic<std::uint64_t>& done, std::uint64_t n) {
  for (unsigned spins = 0;; ++spins) {
    const auto now = done.load(std::memory_order_acquire);
    if (now >= n) return;
    if (spins < 200)
      async::detail::sync::relax();
    else
      std::this_thread::yield();
  }
}

struct wakes_up : testing::TestWithParam<unsigned> {};

// Each round posts one callback from outside to a runtime that has nothing to do, and waits for it.
// Pauses of all lengths between the rounds put the posts at all points of the way to sleep.
TEST_P(wakes_up, for_each_of_half_a_million_posts_from_outside) {
  const auto rounds = lighter(500'000);
  runtime cpus({.cpus = GetParam()});
  cpus.start();
  const color c = color::fresh();
  std::atomic<std::uint64_t> done{0};
  for (std::uint64_t i = 1; i <= rounds; ++i) {
    post(c, [&] { done.fetch_add(1, std::memory_order_release); });
    wait_for(done, i);
    for (auto pause = i % 128; pause != 0; --pause) async::detail::sync::relax();
  }
  cpus.drain();
  EXPECT_EQ(cpus.stop().ran, rounds);
}

TEST_P(wakes_up, for_each_post_where_a_worker_waits_for_events) {
  const auto rounds = lighter(100'000);
  event_source waiter;
  runtime cpus({.cpus = GetParam(), .waiter = &waiter});
  cpus.start();
  const color c = color::fresh();
  std::atomic<std::uint64_t> done{0};
  const auto count = [&] { done.fetch_add(1, std::memory_order_release); };
  for (std::uint64_t i = 1; i <= rounds; ++i) {
    if (i % 2 == 0)
      post(c, count);
    else
      waiter.fire([&] { post(c, count); });
    wait_for(done, i);
    for (auto pause = i % 128; pause != 0; --pause) async::detail::sync::relax();
  }
  cpus.drain();
  EXPECT_EQ(cpus.stop().ran, rounds);
}

INSTANTIATE_TEST_SUITE_P(with_1_and_2_workers, wakes_up, testing::Values(1u, 2u));

// These two found a real lost wake-up in a prototype: they need a worker for each callback at once.

TEST(published_work, is_run_by_another_worker_while_its_publisher_waits) {
  runtime cpus({.cpus = 2});
  cpus.start();
  const auto rounds = lighter(30'000);
  std::atomic<std::uint64_t> done{0};
  for (std::uint64_t i = 1; i <= rounds; ++i) {
    post(color::fresh(), [&] {
      std::atomic<std::uint64_t> ran{0};
      post(color::fresh(), [&] { ran.store(1, std::memory_order_release); });
      publish();
      wait_for(ran, 1);
      done.fetch_add(1, std::memory_order_release);
    });
    wait_for(done, i);
  }
  cpus.stop();
}

TEST(published_work, is_run_by_two_other_workers_that_wait_for_each_other_too) {
  runtime cpus({.cpus = 3, .pin = false});
  cpus.start();
  const auto rounds = lighter(20'000);
  std::atomic<std::uint64_t> done{0};
  for (std::uint64_t i = 1; i <= rounds; ++i) {
    post(color::fresh(), [&] {
      std::atomic<std::uint64_t> came{0}, left{0};
      for (int k = 0; k != 2; ++k) {
        post(color::fresh(), [&] {
          came.fetch_add(1, std::memory_order_acq_rel);
          wait_for(came, 2);
          left.fetch_add(1, std::memory_order_release);
        });
        publish();
      }
      wait_for(left, 2);
      done.fetch_add(1, std::memory_order_release);
    });
    wait_for(done, i);
  }
  cpus.stop();
}

TEST(published_work, passes_on_from_worker_to_worker) {
  runtime cpus({.cpus = 3, .pin = false});
  cpus.start();
  const auto rounds = lighter(20'000);
  std::atomic<std::uint64_t> done{0};
  for (std::uint64_t i = 1; i <= rounds; ++i) {
    post(color::fresh(), [&] {
      std::atomic<std::uint64_t> second{0}, third{0};
      post(color::fresh(), [&] {
        post(color::fresh(), [&] { third.store(1, std::memory_order_release); });
        publish();
        wait_for(third, 1);
        second.store(1, std::memory_order_release);
      });
      publish();
      wait_for(second, 1);
      done.fetch_add(1, std::memory_order_release);
    });
    wait_for(done, i);
  }
  cpus.stop();
}

// What comes from outside while all but one worker are busy for long is not left to the busy ones.
TEST(posted_work, is_run_by_the_one_worker_that_is_free) {
  runtime cpus({.cpus = 3, .pin = false});
  cpus.start();
  for (int round = 0; round != 100; ++round) {
    baton busy, free;
    std::vector<baton> let_go(2);
    for (auto& b : let_go)
      post(color::fresh(), [&] {
        busy.post();
        b.wait();
        free.post();
      });
    busy.wait();
    busy.wait();
    for (int i = 0; i != 10; ++i) {
      baton ran;
      post(color::fresh(), [&] { ran.post(); });
      ran.wait();
    }
    for (auto& b : let_go) b.post();
    free.wait();
    free.wait();
  }
  cpus.stop();
}

// Few events of one poll are run by one worker without a wake-up; but if the first takes long, the
// others are not stranded behind it.
TEST(events_of_one_poll, are_not_left_behind_a_long_callback) {
  event_source waiter;
  runtime cpus({.cpus = 3, .pin = false, .waiter = &waiter});
  cpus.start();
  for (int round = 0; round != 200; ++round) {
    if (round % 2 == 0) cpus.drain();
    baton ran, all;
    waiter.fire([&] {
      post(color::fresh(), [&] {
        for (int i = 0; i != 3; ++i) ran.wait();
        all.post();
      });
      for (int i = 0; i != 3; ++i) post(color::fresh(), [&] { ran.post(); });
    });
    all.wait();
  }
  cpus.stop();
}

}  // namespace

#endif
