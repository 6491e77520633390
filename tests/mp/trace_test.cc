// Traces: what is noted of each callback, on one CPU; in trace_load_test.cc, of loads on several.
//
// Serves stages 3 to 5, traced.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>

#include <ctime>
#include <stdexcept>
#include <vector>

#include "tests/mp/trace_tools.h"

namespace async::test {
namespace {

class machine : public refcount {
 public:
  void work() {}
  void take(int) {}
};
void oil(machine*) {}

// Traces what `post_all` posts, from outside, and runs it on one CPU until it calls stop(). In it
// there are so many steps.
template <class F>
recorded_trace trace_of(F&& post_all, std::size_t steps = 0) {
  trace_start();
  post_all();
  const run_summary summary = runtime({.cpus = 1}).run();
  trace_stop();
  recorded_trace trace = read_trace();
  EXPECT_EQ(trace.runs.size(), summary.ran + steps);
  EXPECT_EQ(trace.begun.size(), trace.runs.size());
  EXPECT_EQ(trace.dropped, 0u);
  return trace;
}

std::uint64_t named(std::uint64_t n) { return detail::trace_lane::name_of(*color(n).state()); }

// Stops behind what was posted before, and what that posts.
void post_stop(int turns = 100) {
  post(color::fresh(), [turns] { turns == 0 ? stop() : post_stop(turns - 1); });
}

TEST(trace, knows_the_site_the_color_and_the_bound_object_of_a_callback) {
  const auto bound = make_ref<machine>();
  unsigned line = 0;
  const auto trace = trace_of([&] {
    line = __LINE__ + 1;
    cpucb(cwrap(color(17), bound, &machine::work));
    post_stop();
  });
  const auto runs = trace.of_line(line);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].color, named(17));
  EXPECT_EQ(runs[0].object, reinterpret_cast<std::uintptr_t>(bound.get()));
  EXPECT_STREQ(runs[0].site.file_name(), where::current().file_name());
}

TEST(trace, knows_the_bound_object_however_a_callback_comes_to_be_posted) {
  const auto bound = make_ref<machine>();
  const color c(18);
  const auto trace = trace_of([&] {
    cpucb(wrap(bound, &machine::work));               // a plain callback
    cpucb(wrap(bound.get(), &machine::work));         // bound by a pointer
    cpucb(cwrap(c, &oil, bound.get()));               // a function's first argument
    cwrap(c, bound, &machine::work)();                // a call from another color
    cwrap(c, bound, &machine::take)(7);               // that, with an argument
    post(c, wrap(bound, &machine::work));             // a callback as a function object
    cpucb(cwrap(c, wrap(bound, &machine::take), 7));  // a callback of a callback
    post_stop();
  });
  unsigned with_it = 0;
  for (const auto& run : trace.runs) {
    with_it += run.object == reinterpret_cast<std::uintptr_t>(bound.get());
  }
  EXPECT_EQ(with_it, 7u);
}

TEST(trace, gives_no_object_to_what_is_bound_to_none) {
  const auto trace = trace_of([] {
    cpucb(wrap([] {}));
    post(color(19), [n = 7] { static_cast<void>(n); });
    post_stop();
  });
  for (const auto& run : trace.runs) EXPECT_EQ(run.object, 0u);
}

TEST(trace, knows_which_callback_posted_another) {
  const auto trace = trace_of([] {
    post(color(20), [] {
      post(color(20), [] {});
      post(color(21), [] {});
    });
    post_stop();
  });
  detail::trace_run parent, child, other;
  for (const auto& run : trace.runs) {
    if (run.color == named(21)) other = run;
    if (run.color == named(20)) (run.post.by == 0 ? parent : child) = run;
  }
  EXPECT_TRUE(parent.posted);
  EXPECT_EQ(trace.cpus[parent.post.lane], -1);
  EXPECT_EQ(trace.cpus[parent.lane], 0);
  for (const auto& run : {child, other}) {
    EXPECT_EQ(run.post.by, parent.id);
    EXPECT_EQ(run.post.lane, parent.lane);
    EXPECT_LE(parent.begin, run.post.time);
    EXPECT_LE(run.post.time, parent.end);
  }
}

TEST(trace, has_the_steps_of_a_callback_as_runs_of_which_each_posts_the_next) {
  int first = 0, second = 0;
  trace_step(&first);  // no callback is running
  const auto trace = trace_of(
      [&] {
        post(color(19), [&] {
          trace_step(&first);
          post(color(18), [] {});
          const timespec time{.tv_sec = 0, .tv_nsec = 100'000};
          nanosleep(&time, nullptr);  // so that CPU time is read at the end of this step
          trace_step(&second);
        });
        post_stop();
      },
      2);
  std::vector<detail::trace_run> parts;
  detail::trace_run child;
  for (const auto& run : trace.runs) {
    if (run.color == named(19)) parts.push_back(run);
    if (run.color == named(18)) child = run;
  }
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[1].object, reinterpret_cast<std::uintptr_t>(&first));
  EXPECT_EQ(parts[2].object, reinterpret_cast<std::uintptr_t>(&second));
  EXPECT_EQ(parts[2].site.line(), parts[1].site.line() + 4);
  EXPECT_EQ(child.post.by, parts[1].id);
  EXPECT_FALSE(parts[0].is_step);
  for (const int i : {1, 2}) {
    EXPECT_TRUE(parts[i].is_step);
    EXPECT_EQ(parts[i].post.by, parts[i - 1].id);
    EXPECT_EQ(parts[i].post.time, parts[i - 1].end);
    EXPECT_EQ(parts[i].waited_for_color, 0u);
    EXPECT_EQ(parts[i].waited_for_cpu, parts[i].begin - parts[i - 1].end);
  }
}

TEST(trace, knows_which_post_made_a_color_runnable) {
  const auto trace = trace_of([] {
    post(color(22), [c = color(22)] {
      post(c, [] {});          // c is running
      post(color(23), [] {});  // idle
      post(color(23), [] {});  // runnable
    });
    post(color(22), [] {});
    post_stop();
  });
  std::map<std::uint64_t, std::vector<bool>> made;
  for (const auto& run : trace.runs) made[run.color].push_back(run.post.made_runnable);
  EXPECT_EQ(made[named(22)], (std::vector{true, false, false}));
  EXPECT_EQ(made[named(23)], (std::vector{true, false}));
}

TEST(trace, tells_waiting_for_the_color_from_waiting_for_a_cpu) {
  const auto trace = trace_of([] {
    post(color(24), [] {
      post(color(24), [] {});
      post(color(25), [] {});
    });
    post_stop();
  });
  detail::trace_run first, behind, other;
  for (const auto& run : trace.runs) {
    if (run.color == named(25)) other = run;
    if (run.color == named(24)) (run.post.by == 0 ? first : behind) = run;
  }
  ASSERT_EQ(behind.post.by, first.id);
  EXPECT_EQ(behind.waited_for_color, first.end - behind.post.time);
  EXPECT_EQ(behind.waited_for_cpu, behind.begin - first.end);
  ASSERT_EQ(other.post.by, first.id);
  EXPECT_EQ(other.waited_for_color, 0u);
  EXPECT_EQ(other.waited_for_cpu, other.begin - other.post.time);
}

TEST(trace, shows_the_turns) {
  const color one(26), other(27);
  const auto trace = trace_of([&] {
    for (unsigned i = 0; i != turn_length + 1; ++i) post(one, [] {});
    post(other, [] {});
    post_stop();
  });
  std::vector<unsigned> turns;
  for (const auto& run : trace.runs) {
    if (run.new_turn) turns.push_back(0);
    if (run.color == named(26)) ++turns.back();
  }
  std::erase(turns, 0u);
  EXPECT_EQ(turns, (std::vector{turn_length, 1u}));
}

timespec thread_time() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now;
}

TEST(trace, tells_cpu_time_from_blocked_time) {
  constexpr std::uint64_t ms = 1'000'000;
  const auto trace = trace_of([] {
    post(color(28), [] {
      const timespec time{.tv_sec = 0, .tv_nsec = 20 * ms};
      nanosleep(&time, nullptr);
    });
    for (int i = 0; i != 100; ++i) post(color(28), [] {});
    post(color(29), [] {
      const auto in_ns = [](timespec t) { return t.tv_sec * 1'000 * ms + t.tv_nsec; };
      for (const auto begin = in_ns(thread_time()); in_ns(thread_time()) - begin < 10 * ms;) {}
    });
    post_stop();
  });
  for (const auto& run : trace.runs) {
    const std::uint64_t length = run.end - run.begin;
    if (run.color == named(28) && run.post.made_runnable) {
      EXPECT_GE(length, 20 * ms);
      EXPECT_GE(run.off_cpu, 10 * ms);
      EXPECT_TRUE(run.blocked);
    } else if (run.color == named(29)) {
      EXPECT_GE(length - run.off_cpu, 5 * ms);
    }
    EXPECT_LE(run.off_cpu, length);
  }
}

TEST(trace, tells_which_posts_were_destroyed_unrun) {
  unsigned line = 0;
  const auto trace = trace_of([&line] {
    post(color::fresh(), [] { stop(); });
    line = __LINE__ + 1;
    post(color(30), [] {});
  });
  ASSERT_EQ(trace.unrun.size(), 1u);
  EXPECT_EQ(trace.unrun[0].site.line(), line);
  EXPECT_EQ(trace.unrun[0].color, named(30));
}

TEST(trace, leaves_out_what_is_no_callback) {
  const auto trace = trace_of([] {
    for (int i = 0; i != 10; ++i) {
      post(color::fresh(), [] { post(color::fresh(), [] {}); });  // each color is freed behind it
    }
    post_stop();
  });
  EXPECT_GE(trace.runs.size(), 20u);  // as many as have run, says trace_of()
}

TEST(trace, ends_a_run_that_an_exception_leaves) {
  trace_start();
  unsigned handled = 0;
  post(color(31), [] { throw std::runtime_error("left"); });
  post_stop();
  runtime({.cpus = 1, .on_exception = [&handled](std::exception_ptr, where) { ++handled; }}).run();
  trace_stop();
  EXPECT_EQ(handled, 1u);
  const auto trace = read_trace();
  EXPECT_EQ(trace.begun.size(), trace.runs.size());
  ASSERT_FALSE(trace.runs.empty());
  EXPECT_EQ(trace.runs.front().color, named(31));
}

TEST(trace, may_be_started_and_stopped_by_a_callback) {
  start_and_stop_by_a_callback([] { trace_start(); }, [] { trace_stop(); });
  EXPECT_FALSE(tracing());
  const auto trace = read_trace();
  unsigned of_the_loop = 0;
  for (const auto& run : trace.runs) of_the_loop += run.color == named(32);
  // From the turn after that of its start to the one in which it is stopped.
  EXPECT_EQ(of_the_loop, 3 * turn_length);
  EXPECT_TRUE(trace.going_on.empty());
}

TEST(trace, forgets_what_an_earlier_one_has_noted) {
  const auto one = trace_of([] {
    for (int i = 0; i != 10; ++i) post(color(34), [] {});
    post(color(34), [] { stop(); });
  });
  const auto other = trace_of([] { post(color(34), [] { stop(); }); });
  EXPECT_EQ(one.runs.size(), 11u);
  EXPECT_EQ(other.runs.size(), 1u);
}

TEST(trace, goes_on_from_one_runtime_to_the_next) {
  trace_start();
  for (int i = 0; i != 3; ++i) {
    post(color(34), [] { stop(); });
    runtime({.cpus = 1}).run();
  }
  trace_stop();
  EXPECT_EQ(read_trace().runs.size(), 3u);
}

TEST(trace, drops_the_oldest_when_its_memory_is_full_and_tells_how_many) {
  constexpr unsigned callbacks = 1000;
  trace_start({.bytes_per_cpu = 1});  // the least there is
  for (unsigned i = 0; i != callbacks; ++i) post(color(35), [] {});
  post(color(35), [] { post(color(36), [] { stop(); }); });
  runtime({.cpus = 1}).run();
  trace_stop();
  const auto trace = read_trace();
  EXPECT_GT(trace.dropped, 2 * callbacks);
  ASSERT_FALSE(trace.runs.empty());
  EXPECT_LT(trace.runs.size(), 64u);
  EXPECT_EQ(trace.runs.back().color, named(36));  // the newest is there
}

}  // namespace
}  // namespace async::test
