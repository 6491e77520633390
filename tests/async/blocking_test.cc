// Blocking work: carried out beside the callbacks, by few threads, in order, once.
#include "async/blocking.h"

#include <sched.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/async/helpers.h"

namespace async::test {
namespace {

using namespace std::chrono_literals;

class blocking_work : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(blocking_work);

// Work that is under way until it is told to end.
struct gate {
  baton begun, end;
  auto work() {
    return [this] {
      begun.post();
      end.wait();
    };
  }
};

TEST_P(blocking_work, gives_its_result_to_the_callback_under_that_ones_color) {
  const color c = color::fresh();
  const auto caller = std::this_thread::get_id();
  std::string got;
  ASSERT_FALSE(blocking(
      [caller] { return std::string(caller == std::this_thread::get_id() ? "here" : "elsewhere"); },
      cwrap(c, [&](std::string result) {
        EXPECT_TRUE(c.is_current());
        got = std::move(result);
        stop();
      })));
  run();
  EXPECT_EQ(got, "elsewhere");
}

TEST_P(blocking_work, may_return_nothing_and_what_can_only_be_moved) {
  int done = 0;
  std::atomic<int> worked{0};
  const auto finish = [&] {
    if (++done == 2) stop();
  };
  ASSERT_FALSE(blocking([&] { ++worked; }, wrap(finish)));
  ASSERT_FALSE(blocking([p = std::make_unique<int>(5)] { return *p; }, wrap([&](int five) {
                          EXPECT_EQ(five, 5);
                          finish();
                        })));
  run();
  EXPECT_EQ(worked, 1);
}

// It would hang if the work held up the loop or a CPU.
TEST_P(blocking_work, does_not_hold_up_callbacks_and_timers) {
  constexpr int count = 8;
  gate g;
  int ended = 0;
  for (int i = 0; i < count; ++i) {
    ASSERT_FALSE(blocking(g.work(), wrap([&] {
                            if (++ended == count) stop();
                          })));
  }
  delaycb(1us, wrap([&] {
            for (int i = 0; i < count; ++i) g.begun.wait();
            EXPECT_EQ(ended, 0);
            for (int i = 0; i < count; ++i) g.end.post();
          }));
  run();
  EXPECT_EQ(ended, count);
}

TEST_P(blocking_work, begins_in_order_and_on_no_more_threads_than_allowed) {
  constexpr int count = 200;
  std::vector<int> order;  // by one thread
  int ended = 0;
  blocking_pool pool({.threads = 1});
  for (int i = 0; i < count; ++i) {
    ASSERT_FALSE(pool.run([&order, i] { order.push_back(i); }, wrap([&] {
                            EXPECT_EQ(pool.threads(), 1u);
                            if (++ended == count) stop();
                          })));
  }
  run();
  ASSERT_EQ(order.size(), static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST_P(blocking_work, that_does_not_fit_is_refused_and_destroyed_and_never_calls_back) {
  gate g;
  blocking_pool pool({.threads = 2, .waiting = 3});
  int ended = 0, alive = 0;
  const auto count = [&] {
    if (++ended == 5) stop();
  };
  ASSERT_FALSE(pool.run(g.work(), wrap(count)));
  ASSERT_FALSE(pool.run(g.work(), wrap(count)));
  g.begun.wait();
  g.begun.wait();
  for (int i = 0; i < 3; ++i) ASSERT_FALSE(pool.run([] {}, wrap(count)));
  blocking_t job;
  EXPECT_EQ(pool.run([value = counted_value(alive)] {},
                     wrap([value = counted_value(alive)] { FAIL(); }), &job),
            std::errc::resource_unavailable_try_again);
  EXPECT_EQ(alive, 0);
  EXPECT_FALSE(job);
  g.end.post();
  g.end.post();
  run();
  EXPECT_EQ(ended, 5);
}

TEST_P(blocking_work, that_is_cancelled_before_it_begins_never_does) {
  gate g;
  blocking_pool pool({.threads = 1});
  int alive = 0;
  blocking_t waiting;
  ASSERT_FALSE(pool.run(g.work(), wrap([] { stop(); })));
  g.begun.wait();
  ASSERT_FALSE(pool.run([value = counted_value(alive)] { FAIL() << "began"; },
                        wrap([value = counted_value(alive)] { FAIL() << "called back"; }),
                        &waiting));
  EXPECT_EQ(alive, 2);
  blocking_cancel(waiting);
  EXPECT_EQ(alive, 0);
  blocking_cancel(waiting);
  g.end.post();
  run();
}

// The result has been posted when its color cancels it.
TEST_P(blocking_work, that_is_over_and_is_then_cancelled_by_its_color_does_not_call_back) {
  blocking_pool pool({.threads = 1});
  const color c = color::fresh();
  int alive = 0;
  blocking_t job;
  post(c, [&] {
    ASSERT_FALSE(pool.run([value = counted_value(alive)] {},
                          cwrap(c, [value = counted_value(alive)] { FAIL() << "called back"; }),
                          &job));
    baton over;
    // One thread begins with this when the result before it has been handed over.
    ASSERT_FALSE(pool.run([&] { over.post(); }, cwrap(c, [&] {
                            EXPECT_EQ(alive, 0) << "it is destroyed all the same";
                            stop();
                          })));
    over.wait();
    blocking_cancel(job);
  });
  run();
}

TEST_P(blocking_work, that_throws_throws_where_its_callback_would_be_called) {
  const color c = color::fresh();
  std::string what;
  where thrown_at;
  const cbi cb = cwrap(c, [](int) { FAIL(); });
  ASSERT_FALSE(blocking([]() -> int { throw std::runtime_error("no disk"); }, cb));
  amain({.cpus = GetParam(), .on_exception = [&](std::exception_ptr thrown, where site) {
           EXPECT_TRUE(c.is_current());
           try {
             std::rethrow_exception(thrown);
           } catch (const std::runtime_error& e) {
             what = e.what();
           }
           thrown_at = site;
           stop();
         }});
  EXPECT_EQ(what, "no disk");
  EXPECT_EQ(thrown_at.line(), cb->where().line());
}

TEST_P(blocking_work, of_a_pool_that_ends_is_over_or_destroyed) {
  gate g;
  int alive = 0, called = 0;
  {
    blocking_pool pool({.threads = 1});
    ASSERT_FALSE(pool.run(g.work(), wrap([&] {
                            ++called;
                            stop();
                          })));
    g.begun.wait();
    for (int i = 0; i < 10; ++i) {
      ASSERT_FALSE(pool.run([value = counted_value(alive)] { FAIL() << "began"; },
                            wrap([value = counted_value(alive)] { FAIL() << "called back"; })));
    }
    // The end destroys this, and then waits for the first, which this lets end.
    ASSERT_FALSE(pool.run([end = std::shared_ptr<baton>(&g.end, [](baton* b) { b->post(); })] {},
                          wrap([] { FAIL() << "called back"; })));
  }
  EXPECT_EQ(alive, 0);
  run();
  EXPECT_EQ(called, 1);
}

TEST_P(blocking_work, of_the_shared_pool_is_over_or_destroyed_when_amain_returns) {
  constexpr int count = 100;
  std::atomic<int> began{0}, ended{0};
  int alive = 0, called = 0;
  for (int i = 0; i < count; ++i) {
    ASSERT_FALSE(blocking(
        [&, value = counted_value(alive)] {
          ++began;
          ++ended;
        },
        wrap([&, value = counted_value(alive)] { ++called; })));
  }
  post(color(), [] { stop(); });
  run();
  EXPECT_EQ(began, ended);
  post(color(), [] { stop(); });  // for a result that came just then
  run();
  EXPECT_EQ(alive, 0);
  EXPECT_LE(called, count);
}

// What opens these gates when it is destroyed.
struct opens {
  explicit opens(std::span<gate> its) : gates(its) {}
  opens(opens&& from) noexcept : gates(std::exchange(from.gates, {})) {}
  ~opens() {
    for (gate& g : gates) g.end.post();
  }
  std::span<gate> gates;
};

// What cancels another's work when it is destroyed.
struct cancels {
  explicit cancels(blocking_t& other) : other_(&other) {}
  cancels(cancels&& from) noexcept : other_(std::exchange(from.other_, nullptr)) {}
  ~cancels() {
    if (other_ != nullptr) blocking_cancel(*other_);
  }
  blocking_t* other_;
};

// The pool's list would be spoilt, or something destroyed twice.
TEST_P(blocking_work, that_is_dropped_may_cancel_other_work_in_its_destructor) {
  int alive = 0;
  gate g;
  blocking_t b;
  auto pool = std::make_unique<blocking_pool>(blocking_limits{.threads = 1});
  ASSERT_FALSE(pool->run(g.work(), wrap([] { stop(); })));
  g.begun.wait();
  ASSERT_FALSE(pool->run([] {}, wrap([c = cancels(b)] { FAIL(); })));
  ASSERT_FALSE(pool->run([] {}, wrap([v = counted_value(alive)] { FAIL(); }), &b));
  ASSERT_FALSE(
      pool->run([] {}, wrap([v = counted_value(alive), end = opens({&g, 1})] { FAIL(); })));
  pool = nullptr;
  EXPECT_EQ(alive, 0);
  run();
}

TEST_P(blocking_work, of_the_shared_pool_that_is_dropped_may_cancel_other_work_in_its_destructor) {
  int alive = 0;
  gate gates[blocking_limits{}.threads];
  blocking_t b;
  for (gate& g : gates) {
    ASSERT_FALSE(blocking(g.work(), wrap([] { FAIL(); })));
    g.begun.wait();
  }
  ASSERT_FALSE(blocking([] {}, wrap([c = cancels(b)] { FAIL(); })));
  ASSERT_FALSE(blocking([] {}, wrap([v = counted_value(alive)] { FAIL(); }), &b));
  ASSERT_FALSE(blocking([] {}, wrap([v = counted_value(alive), end = opens(gates)] { FAIL(); })));
  post(color(), [] { stop(); });
  run();
  EXPECT_EQ(alive, 0);
  bool called = false;
  ASSERT_FALSE(blocking([] {}, wrap([&] {
                          called = true;
                          stop();
                        })));
  run();
  EXPECT_TRUE(called);
}

TEST_P(blocking_work, leaves_no_thread_behind_that_has_nothing_to_do) {
  blocking_pool pool({.threads = 4, .patience = 0ns});
  const std::function<void()> look = [&] {
    if (pool.threads() == 0) return stop();
    post(color(), look);
  };
  ASSERT_FALSE(pool.run([] {}, wrap(look)));
  run();
  EXPECT_EQ(pool.threads(), 0u);
}

TEST_P(blocking_work, of_a_pool_without_threads_is_carried_out_by_the_caller) {
  blocking_pool pool({.threads = 0});
  const auto caller = std::this_thread::get_id();
  std::thread::id worked_on;
  bool called = false;
  ASSERT_FALSE(pool.run([&] { worked_on = std::this_thread::get_id(); }, wrap([&] {
                          called = true;
                          stop();
                        })));
  EXPECT_EQ(worked_on, caller);
  EXPECT_FALSE(called);
  run();
  EXPECT_TRUE(called);
}

// A worker that may be bound to its CPU makes the thread.
TEST_P(blocking_work, is_not_bound_to_the_cpu_of_the_worker_that_asked) {
  cpu_set_t whole, its;
  CPU_ZERO(&its);
  sched_getaffinity(0, sizeof whole, &whole);
  blocking_pool pool({.threads = 1});
  post(color(), [&] {
    ASSERT_FALSE(pool.run([&] { sched_getaffinity(0, sizeof its, &its); }, wrap([] { stop(); })));
  });
  run();
  EXPECT_TRUE(CPU_EQUAL(&whole, &its));
}

TEST_P(blocking_work, is_the_parents_after_fork_and_the_child_starts_over) {
  if (under_tsan) GTEST_SKIP() << "ThreadSanitizer does not support threads in forked children";
  if (under_asan) GTEST_SKIP() << "the pool's thread may hold its allocator's lock";
  gate g;
  blocking_pool pool({.threads = 1});
  int called = 0, other = 0;
  ASSERT_FALSE(pool.run(g.work(), wrap([&] {
                          ++called;
                          stop();
                        })));
  ASSERT_FALSE(pool.run([] {}, wrap([&] { ++other; })));
  g.begun.wait();
  const pid_t pid = fork();
  if (pid == 0) {
    bool mine = false;
    const bool refused = static_cast<bool>(pool.run([] { return 7; }, wrap([&](int seven) {
                                                      mine = seven == 7;
                                                      stop();
                                                    })));
    amain({.cpus = 1});
    _exit(!refused && mine && called == 0 && other == 0 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  g.end.post();
  run();
  EXPECT_EQ(called, 1);
}

using blocking_death = blocking_work;
ASYNC_TEST_EACH_CPU_COUNT(blocking_death);

TEST_P(blocking_death, of_uncaught_exceptions_names_the_callback) {
  if (under_tsan) GTEST_SKIP() << "ThreadSanitizer does not support threads in forked children";
  EXPECT_DEATH(
      {
        (void)blocking([] { throw std::runtime_error("no disk"); }, wrap([] {}));
        run();
      },
      "blocking_test.cc:.*no disk");
}

}  // namespace
}  // namespace async::test
