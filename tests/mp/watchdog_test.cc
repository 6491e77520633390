// The watchdog: what it says of callbacks that run for too long, and what a hang report has. Time
// is what the tests say.
//
// Serves stages 3 to 5, watched.
//
// Thread safety: the runtime is run by the test's own thread; another one looks on, and each waits
// for the other at batons.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "mp/detail/observers.h"
#include "mp/detail/watchdog_control.h"
#include "mp/watchdog.h"
#include "tests/mp/tools.h"
#include "tests/mp/watched.h"
#include "wrap/wrap.h"

namespace async::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Runs what was posted on one CPU, until stop(), while another thread does `beside`.
run_summary run_beside(const std::function<void()>& beside) {
  std::thread other(beside);
  const run_summary summary = runtime({.cpus = 1}).run();
  other.join();
  return summary;
}

TEST(watchdog, says_which_callback_holds_its_color_and_what_waits_behind_it) {
  watched dog;
  const auto slow = make_ref<obstacle>();
  const int line = __LINE__ + 1;
  cpucb(cwrap(color(17), slow, &obstacle::stand));
  for (int i = 0; i != 3; ++i) post(color(17), [] {});
  post(color(17), [] { stop(); });
  run_beside([&] {
    slow->inside.wait();
    EXPECT_TRUE(dog.look(0s).empty());
    EXPECT_TRUE(dog.look(100ms).empty());
    const std::string said = dog.said(3200ms);
    char object[40];
    std::snprintf(object, sizeof object, "object %p", static_cast<void*>(slow.get()));
    EXPECT_TRUE(has(said, "watchdog_test.cc:" + std::to_string(line) + " (")) << said;
    EXPECT_TRUE(has(said, object)) << said;
    EXPECT_TRUE(has(said, "has held color 17 for 3.2 s on CPU 0")) << said;
    EXPECT_TRUE(has(said, "4 wait behind it, the oldest for 3.1 s: 3 of ")) << said;
    EXPECT_TRUE(has(said, "watchdog_test.cc:" + std::to_string(line + 1) + " (")) << said;
    slow->go_on.post();
  });
}

TEST(watchdog, tells_sleeping_from_computing) {
  watched dog;
  const auto slow = make_ref<obstacle>();
  post(color(17), wrap(slow, &obstacle::stand));
  post(color(17), [] { stop(); });
  run_beside([&] {
    slow->inside.wait();
    dog.look(0s);
    const std::string said = dog.said(20000s);
    EXPECT_TRUE(has(said, "of which it computed ")) << said;
    EXPECT_FALSE(has(said, "computed 20000")) << said;
    slow->go_on.post();
  });
}

TEST(watchdog, speaks_again_when_twice_the_time_has_passed_and_at_the_end) {
  watched dog;
  const auto first = make_ref<obstacle>(), second = make_ref<obstacle>();
  cpucb(cwrap(color(17), first, &obstacle::stand));
  cpucb(cwrap(color(17), second, &obstacle::stand));
  post(color(17), [] { stop(); });
  run_beside([&] {
    first->inside.wait();
    EXPECT_EQ(dog.look(0s).size(), 0u);
    EXPECT_EQ(dog.look(1100ms).size(), 1u);
    EXPECT_EQ(dog.look(1900ms).size(), 0u);
    EXPECT_EQ(dog.look(2000ms).size(), 1u);
    EXPECT_EQ(dog.look(3900ms).size(), 0u);
    EXPECT_EQ(dog.look(7000ms).size(), 1u);
    first->go_on.post();
    second->inside.wait();
    EXPECT_TRUE(has(dog.said(7500ms), "has held color 17 for 7.5 s, and has ended"));
    EXPECT_EQ(dog.look(8400ms).size(), 0u);
    second->go_on.post();
  });
}

TEST(watchdog, says_nothing_where_each_callback_is_short) {
  constexpr int callbacks = 40;
  watched dog;
  const auto step = make_ref<obstacle>();
  for (int i = 0; i != callbacks; ++i) cpucb(cwrap(color(17), step, &obstacle::stand));
  post(color(17), [] { stop(); });
  run_beside([&] {
    for (int i = 0; i != callbacks; ++i) {
      step->inside.wait();
      EXPECT_TRUE(dog.look(i * 900ms).empty());
      step->go_on.post();
    }
  });
}

TEST(watchdog, counts_what_the_callback_itself_posts_as_it_comes) {
  watched dog;
  baton inside, go_on;
  post(color(17), [&] {
    const auto pause = [&] {
      inside.post();
      go_on.wait();
    };
    pause();
    post(color(17), [] {});
    pause();
    for (int i = 0; i != 9; ++i) post(color(17), [] {});
    pause();
    stop();
  });
  run_beside([&] {
    inside.wait();
    dog.look(0s);
    EXPECT_TRUE(has(dog.said(1s), "nothing waits behind it"));
    go_on.post();
    inside.wait();
    EXPECT_TRUE(has(dog.said(2s), "1 wait behind it, the oldest for 0.0 ms"));
    go_on.post();
    inside.wait();
    EXPECT_TRUE(has(dog.said(5s), "10 wait behind it, the oldest for 3.0 s"));
    go_on.post();
  });
}

TEST(watchdog, says_what_waits_for_the_callback_to_publish_it) {
  watched dog;
  const auto slow = make_ref<obstacle>();
  post(color(17), [&] {
    post(color(18), [] { stop(); });
    slow->stand();
  });
  run_beside([&] {
    slow->inside.wait();
    dog.look(0s);
    EXPECT_TRUE(has(dog.said(1s), "has made color 18 runnable, which waits for it to end"));
    slow->go_on.post();
  });
}

// A callback that calls stop() and goes on to stand still.
void post_stop_and_stand(const ref<obstacle>& slow) {
  post(color(17), [slow] {
    stop();
    slow->stand();
  });
}

TEST(watchdog, says_what_runs_after_stop) {
  watched dog;
  const auto slow = make_ref<obstacle>();
  post_stop_and_stand(slow);
  run_beside([&] {
    slow->inside.wait();
    EXPECT_EQ(dog.look(0s).size(), 0u);
    const auto said = dog.look(2s);
    ASSERT_EQ(said.size(), 2u);
    EXPECT_TRUE(has(said[1], "stop() was called 2.0 s ago, and callbacks still run")) << said[1];
    EXPECT_TRUE(has(said[1], "color 17, for 2.0 s")) << said[1];
    slow->go_on.post();
  });
}

// Wherever that lies in memory.
TEST(watchdog, knows_of_a_new_runtime_nothing_of_the_one_before) {
  watched dog;
  for (const auto begin : {0s, 100s}) {
    const auto slow = make_ref<obstacle>();
    post_stop_and_stand(slow);
    run_beside([&] {
      slow->inside.wait();
      EXPECT_TRUE(dog.look(begin).empty());
      EXPECT_EQ(dog.look(begin + 2s).size(), 2u);
      slow->go_on.post();
    });
  }
}

TEST(watchdog, has_a_table_of_the_colors_that_wait_and_leaves_them_as_they_were) {
  watched dog;
  const auto slow = make_ref<obstacle>();
  std::atomic<int> ran{0};  // of these colors
  int a = 0, second_a = 0, b = 0;
  cpucb(cwrap(color(17), slow, &obstacle::stand));
  post(color(17), [] {});
  const int line = __LINE__ + 1;
  post(color(31), [&] { a = ++ran; });
  post(color(32), [&] { b = ++ran; });
  post(color(31), [&] { second_a = ++ran; });
  post(color(33), [] { stop(); });
  run_beside([&] {
    slow->inside.wait();
    dog.look(0s);
    const std::string table = hang_report();
    EXPECT_TRUE(has(table, ", color 17, for ")) << table;
    EXPECT_TRUE(has(table, "color 17: 1 wait, held by CPU 0; the oldest for ")) << table;
    EXPECT_TRUE(has(table, "color 31: 2 wait for a CPU; the oldest of ")) << table;
    EXPECT_TRUE(has(table, "watchdog_test.cc:" + std::to_string(line) + " (")) << table;
    EXPECT_TRUE(has(table, "color 32: 1 wait for a CPU")) << table;
    EXPECT_TRUE(has(hang_report(), "color 31: 2 wait for a CPU"));
    slow->go_on.post();
  });
  EXPECT_EQ(a, 1);
  EXPECT_EQ(second_a, 2);
  EXPECT_EQ(b, 3);
}

TEST(watchdog, has_at_most_30_colors_in_its_table) {
  watched dog;
  const auto slow = make_ref<obstacle>();
  cpucb(cwrap(color(17), slow, &obstacle::stand));
  for (unsigned c = 100; c != 150; ++c) post(color(c), [] {});
  post(color(33), [] {});
  post(color(33), [] { stop(); });
  run_beside([&] {
    slow->inside.wait();
    const std::string table = hang_report();
    EXPECT_TRUE(has(table, "color 33: 2 wait for a CPU")) << table;  // the most
    EXPECT_TRUE(has(table, "and 21 more colors: 21\n")) << table;
    slow->go_on.post();
  });
}

// Says when the CPU sleeps in it, and lets it go on when it is woken.
class bed : public idle_waiter {
 public:
  void poll() noexcept override {}
  void wait() noexcept override {
    asleep.post();
    woken_.wait();
  }
  void wake() noexcept override { woken_.post(); }
  void tell_events(const std::function<void(awaited_event)>& tell) override {
    for (int i = 0; i != 7; ++i) tell({"alarm", std::to_string(i), "color 5", where::current()});
  }

  baton asleep;

 private:
  baton woken_;
};

TEST(watchdog, has_in_its_table_who_sleeps_and_what_is_waited_for) {
  watched dog;
  bed waiter;
  std::thread other([&] {
    waiter.asleep.wait();
    const std::string table = hang_report();
    EXPECT_TRUE(has(table, " sleeps for ")) << table;
    EXPECT_TRUE(has(table, "no color has callbacks that wait")) << table;
    EXPECT_TRUE(has(table, "7 alarm: ")) << table;
    EXPECT_TRUE(
        has(table, "0 of color 5, 1 of color 5, 2 of color 5, 3 of color 5, 4 of color 5, ..."))
        << table;
    stop();
  });
  post(color(5), [] {});
  runtime({.cpus = 1, .waiter = &waiter}).run();
  other.join();
}

TEST(watchdog, tells_of_a_runtime_that_it_does_not_watch_what_waits_there) {
  const auto slow = make_ref<obstacle>();
  cpucb(cwrap(color(17), slow, &obstacle::stand));
  post(color(18), [] { stop(); });
  run_beside([&] {
    slow->inside.wait();
    const std::string table = hang_report();
    EXPECT_TRUE(has(table, "CPU 0: not watched")) << table;
#if !defined(ASYNC_UNIPROCESSOR)
    EXPECT_TRUE(has(table, "color 18: 1 wait for a CPU")) << table;
#endif
    slow->go_on.post();
  });
  EXPECT_TRUE(has(hang_report(), "no CPU runs callbacks"));
}

TEST(watchdog, tells_of_a_cpu_that_it_watches_no_more) {
  std::optional<watched> dog(std::in_place);
  const auto first = make_ref<obstacle>(), second = make_ref<obstacle>();
  cpucb(cwrap(color(17), first, &obstacle::stand));
  for (int i = 0; i != 100; ++i) post(color(17), [] {});  // the turn ends
  cpucb(cwrap(color(17), second, &obstacle::stand));
  post(color(17), [] { stop(); });
  run_beside([&] {
    first->inside.wait();
    EXPECT_FALSE(has(hang_report(), "CPU 0: not watched"));
    dog.reset();
    first->go_on.post();
    second->inside.wait();
    EXPECT_TRUE(has(hang_report(), "CPU 0: not watched"));
    second->go_on.post();
  });
}

// Its own thread.

TEST(watchdog, speaks_by_itself_while_a_callback_runs) {
  baton spoke;
  watchdog_start({.limit = 1ms, .report = [&](const std::string& said) {
                    if (has(said, "has held color 17")) spoke.post();
                  }});
  post(color(17), [&] {
    spoke.wait();
    stop();
  });
  runtime({.cpus = 1}).run();
  watchdog_stop();
}

TEST(watchdog, gives_the_table_on_a_signal) {
  baton spoke;
  struct sigaction before;
  sigaction(SIGUSR1, nullptr, &before);
  watchdog_start({.limit = 1h, .report = [&](const std::string& said) {
                    EXPECT_TRUE(has(said, "color 18: 1 wait for a CPU")) << said;
                    spoke.post();
                  }});
  EXPECT_FALSE(table_on_signal(SIGUSR1));
  post(color(17), [&] {
    raise(SIGUSR1);
    spoke.wait();
  });
  post(color(18), [] { stop(); });
  runtime({.cpus = 1}).run();
  watchdog_stop();
  raise(SIGUSR1);  // and does nothing when there is no watchdog
  sigaction(SIGUSR1, &before, nullptr);
  EXPECT_TRUE(table_on_signal(SIGKILL));
}

TEST(watchdog, leaves_nothing_on_when_it_is_stopped) {
  { watched dog; }
  EXPECT_EQ(detail::observation.load(), 0u);
  EXPECT_FALSE(detail::watchdog_is_on());
}

}  // namespace
}  // namespace async::test
