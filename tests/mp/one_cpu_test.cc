// A runtime of one CPU, by run() alone: what a uniprocessor build can do too, and what it refuses.
//
// Serves stages 3 to 5.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "mp/colored.h"
#include "tests/mp/tools.h"

namespace async::test {
namespace {

// Runs what was posted until the callbacks call stop().
run_summary run_all() { return runtime({.cpus = 1}).run(); }

// Stops after so many callbacks of further colors, each posted by the one before: with enough of
// them, fairness has everything else run before.
void stop_behind_everything(int turns = 100) {
  post(color::fresh(), [turns] { turns == 0 ? stop() : stop_behind_everything(turns - 1); });
}

TEST(one_cpu, runs_each_color_in_order_and_all_of_them) {
  constexpr unsigned colors = 10, each = 1000;
  std::vector<unsigned> next(colors);
  prng random = make_prng();
  std::vector<unsigned> posted(colors);
  for (unsigned i = 0; i < colors * each; ++i) {
    const unsigned c = random() % colors, number = posted[c]++;
    post(color{c}, [&next, c, number] { EXPECT_EQ(next[c]++, number); });
  }
  stop_behind_everything(colors * each);
  run_all();
  EXPECT_EQ(next, posted);
}

TEST(one_cpu, gives_each_color_turns_of_bounded_length) {
  color last;
  unsigned in_a_row = 0, longest = 0;
  for (unsigned n = 1; n <= 3; ++n) {
    for (int i = 0; i < 100; ++i) {
      post(color{n}, [&, mine = color{n}] {
        const unchecked one_cpu;
        in_a_row = mine == last ? in_a_row + 1 : 1;
        last = mine;
        longest = std::max(longest, in_a_row);
      });
    }
  }
  stop_behind_everything();
  run_all();
  EXPECT_EQ(longest, turn_length);
}

TEST(one_cpu, destroys_what_the_stop_left_and_counts_both) {
  const auto value = std::make_shared<int>();
  unsigned ran = 0;
  for (int i = 0; i < 10; ++i) {
    post(color{}, [&ran, value] {
      if (++ran == 3) stop();
    });
  }
  const run_summary summary = run_all();
  EXPECT_EQ(ran, 3u);
  EXPECT_EQ(summary.ran, 3u);
  EXPECT_EQ(summary.destroyed, 7u);
  EXPECT_EQ(value.use_count(), 1);
}

TEST(one_cpu, calls_a_colored_callback_from_its_own_color_and_posts_it_from_others) {
  const color c = color::fresh();
  std::string order;
  const auto colored = cwrap(c, [&](const char* from) {
    EXPECT_TRUE(c.is_current());
    const unchecked one_cpu;
    order += from;
  });
  post(c, [&] {
    order += '(';
    colored("own");
    order += ')';
    post(color{}, [&] {
      const unchecked one_cpu;
      order += '(';
      colored("other");
      order += ')';
      stop_behind_everything();
    });
  });
  run_all();
  EXPECT_EQ(order, "(own)()other");
}

TEST(one_cpu, goes_on_after_an_exception_that_the_handler_took) {
  int handled = 0;
  post(color{}, [] { throw std::runtime_error("too far"); });
  post(color{}, [] { stop(); });
  runtime cpus({.cpus = 1, .on_exception = [&](std::exception_ptr, where) { ++handled; }});
  EXPECT_EQ(cpus.run().ran, 2u);
  EXPECT_EQ(handled, 1);
}

// Wakes up for its own events only.
TEST(one_cpu, waits_for_events_when_there_is_nothing_to_run) {
  struct : idle_waiter {
    void poll() noexcept override {}
    void wait() noexcept override {
      ++waits;
      post(color::fresh(), [this] {
        const unchecked one_cpu;
        if (waits >= 100) stop();
      });
    }
    void wake() noexcept override {}
    int waits = 0;
  } waiter;
  EXPECT_EQ(runtime({.cpus = 1, .waiter = &waiter}).run().ran, 100u);
  EXPECT_EQ(waiter.waits, 100);
}

TEST(one_cpu, may_be_run_again_and_ends_colors_that_are_let_go) {
  for (int i = 0; i < 1000; ++i) {
    int ran = 0;
    for (int n = 0; n < 10; ++n) {
      post(color::fresh(), [&ran] {
        const unchecked one_cpu;
        ++ran;
      });
    }
    stop_behind_everything(20);
    run_all();
    EXPECT_EQ(ran, 10);
  }
}

#if defined(ASYNC_UNIPROCESSOR)

TEST(a_uniprocessor_build, has_one_cpu_whatever_the_environment_says) {
  setenv("ASYNC_NCPU", "2", 1);
  EXPECT_EQ(default_cpus(), 1u);
  unsetenv("ASYNC_NCPU");
}

TEST(a_uniprocessor_build, has_neither_threads_nor_a_second_cpu) {
  EXPECT_THROW(runtime({.cpus = 1}).start(), std::logic_error);
  EXPECT_THROW(runtime({.cpus = 2}).run(), std::logic_error);
}

TEST(a_uniprocessor_build_death, takes_no_posts_of_other_threads_once_it_runs) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto fail = [] {
    post(color{}, [] { std::thread([] { post(color{1}, [] {}); }).join(); });
    run_all();
  };
  EXPECT_DEATH(fail(), "a uniprocessor build takes posts from its one worker only");
}

#endif

}  // namespace
}  // namespace async::test
