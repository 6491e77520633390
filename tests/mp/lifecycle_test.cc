// Starting, draining, stopping and starting again, under load and over fork().
//
// Serves stages 3 to 5: what becomes of callbacks at the edges of a runtime's life.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/mp/load.h"
#include "tests/mp/tools.h"

namespace {

using async::color;
using async::default_cpus;
using async::post;
using async::run_summary;
using async::runtime;
using async::test::baton;
using async::test::event_source;
using async::test::lighter;
using async::test::test_seed;

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

// Colors

TEST(colors, end_with_their_last_handle_and_callback_and_not_before) {
  runtime cpus({.cpus = 2});
  cpus.start();
  // Looking a color up while its end is under way, from several threads.
  std::atomic<std::uint64_t> ran{0};
  const auto each = lighter(200'000);
  std::array<std::thread, 3> threads;
  for (unsigned t = 0; t != threads.size(); ++t) {
    threads[t] = std::thread([&, t] {
      async::test::prng random = async::test::make_prng(t);
      for (std::uint64_t i = 0; i != each; ++i) {
        post(color{1 + random() % 2}, [&] { ran.fetch_add(1, std::memory_order_relaxed); });
        // Sometimes the color goes idle in between, sometimes not.
        for (auto pause = random() % 64; pause != 0; --pause) async::detail::sync::relax();
      }
    });
  }
  for (auto& t : threads) t.join();
  cpus.drain();
  const run_summary summary = cpus.stop();
  EXPECT_EQ(ran, 3 * each);
  EXPECT_EQ(summary.ran, 3 * each);
}

TEST(colors, of_one_object_are_the_same_while_any_part_of_it_is_known) {
  runtime cpus({.cpus = 2});
  cpus.start();
  struct client {
    unsigned entered = 0;  // its color's
  };
  std::vector<client> clients(8);
  const auto each = lighter(100'000);
  std::array<std::thread, 2> threads;
  for (unsigned t = 0; t != threads.size(); ++t) {
    threads[t] = std::thread([&, t] {
      async::test::prng random = async::test::make_prng(10 + t);
      for (std::uint64_t i = 0; i != each; ++i) {
        client& c = clients[random() % clients.size()];
        post(color::of(&c), [&c] { ++c.entered; });
      }
    });
  }
  for (auto& t : threads) t.join();
  cpus.drain();
  cpus.stop();
  std::uint64_t sum = 0;
  for (auto& c : clients) sum += c.entered;
  EXPECT_EQ(sum, 2 * each);
}

TEST(colors, can_be_copied_moved_and_dropped_in_their_own_and_in_other_callbacks) {
  runtime cpus({.cpus = 2});
  cpus.start();
  std::atomic<unsigned> ran{0};
  const auto rounds = static_cast<unsigned>(lighter(20'000));
  for (unsigned i = 0; i != rounds; ++i) {
    color c = color::fresh();
    const color other = color{i % 3};
    post(c, [&ran, c, other]() mutable {
      color copy = c;
      post(other, [&ran, copy]() mutable {
        color moved = std::move(copy);
        post(moved, [&ran, moved] { ++ran; });
        moved = color::current();
        ++ran;
      });
      c = other;
      copy = color{};
      ++ran;
    });
  }
  cpus.drain();
  EXPECT_EQ(ran, 3 * rounds);
  EXPECT_EQ(cpus.stop().ran, 3 * rounds);
}

// How many CPUs

class environment_variable {
 public:
  explicit environment_variable(const char* value) { setenv("ASYNC_NCPU", value, 1); }
  ~environment_variable() { unsetenv("ASYNC_NCPU"); }
};

TEST(default_cpu_count, is_that_of_the_environment_if_it_is_a_number_from_1_to_the_most) {
  for (const unsigned n : {1u, 3u, async::max_cpus}) {
    const environment_variable set(std::to_string(n).c_str());
    EXPECT_EQ(default_cpus(), n);
    if (n < 10) {
      EXPECT_EQ(runtime().cpus(), n);
    }
  }
}

TEST(default_cpu_count, says_so_and_goes_on_when_the_environment_makes_no_sense) {
  const unsigned otherwise = default_cpus();
  for (const char* bad : {"", "0", "-1", "two", "2x", " 2", "257", "99999999999999999999"}) {
    const environment_variable set(bad);
    testing::internal::CaptureStderr();
    EXPECT_EQ(default_cpus(), otherwise) << bad;
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_NE(said.find("ASYNC_NCPU"), std::string::npos) << bad;
  }
}

TEST(default_cpu_count, is_at_most_that_of_the_affinity_mask) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  EXPECT_GE(default_cpus(), 1u);
  EXPECT_LE(default_cpus(), static_cast<unsigned>(CPU_COUNT(&set)));
}

// fork()

// Runs `in_child` in a child, which must return 0 from it.
template <class F>
void expect_child(F&& in_child) {
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    alarm(60);
    _exit(in_child());
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

int child_starts_over() {
  std::atomic<unsigned> ran{0};
  runtime cpus({.cpus = 2});
  cpus.start();
  for (unsigned i = 0; i != 1000; ++i) post(color{i % 7}, [&] { ++ran; });
  post(color::fresh(), [&] { ++ran; });
  cpus.drain();
  const run_summary summary = cpus.stop();
  return ran == 1001 && summary.ran == 1001 && summary.destroyed == 0 ? 0 : 1;
}

// ThreadSanitizer allows no threads in the child of a process that had any.
class forking : public testing::Test {
  void SetUp() override {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "ThreadSanitizer allows no threads in a forked child";
#endif
  }
};

TEST_F(forking, lets_the_child_start_over_while_the_parent_goes_on) {
  runtime cpus({.cpus = 2});
  cpus.start();
  baton runs, goes_on;
  std::atomic<unsigned> ran{0};
  post(color{1}, [&] {
    runs.post();
    goes_on.wait();
  });
  runs.wait();
  for (unsigned i = 0; i != 100; ++i) post(color{1}, [&] { ++ran; });
  expect_child(child_starts_over);
  EXPECT_EQ(ran, 0u);  // nor has the child run them: it would have failed
  goes_on.post();
  cpus.drain();
  EXPECT_EQ(ran, 100u);
  EXPECT_EQ(cpus.stop().ran, 101u);
}

TEST_F(forking, in_a_callback_lets_the_child_start_over) {
  runtime cpus({.cpus = 2});
  cpus.start();
  post(color{2}, [] { expect_child(child_starts_over); });
  cpus.drain();
  cpus.stop();
}

TEST_F(forking, under_load_finds_no_lock_held_in_the_child) {
  runtime cpus({.cpus = 2});
  cpus.start();
  std::atomic<bool> over{false};
  std::array<std::thread, 2> threads;
  for (auto& t : threads)
    t = std::thread([&over] {
      for (unsigned i = 0; !over; ++i) {
        post(color{i % 31}, [big = std::array<char, 200>{}] { static_cast<void>(big); });
        if (i % 64 == 0) std::this_thread::yield();
      }
    });
  for (int i = 0; i != 20; ++i) expect_child(child_starts_over);
  over = true;
  for (auto& t : threads) t.join();
  cpus.drain();
  cpus.stop();
}

TEST_F(forking, before_there_is_a_runtime_leaves_pending_posts_to_the_parent) {
  unsigned ran = 0;
  post(color{}, [&ran] { ++ran; });
  expect_child(child_starts_over);
  runtime cpus({.cpus = 1});
  cpus.start();
  cpus.drain();
  EXPECT_EQ(cpus.stop().ran, 1u);
  EXPECT_EQ(ran, 1u);
}

}  // namespace
