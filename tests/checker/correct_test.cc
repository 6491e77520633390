// Correct programs, of which the color checker (./run test --sanitize=colors) says nothing. A
// report makes the test program end with status 66. They are right in every other build, too.
//
// Serves no stage: mp/detail/fibers.h is what is tested.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "async/async.h"
#include "mp/colored.h"
#include "tests/support/support.h"

namespace async::test {
namespace {

using namespace std::chrono_literals;

// Runs what start() posts until stop() is called.
void run(const std::function<void()>& start) {
  start();
#if defined(ASYNC_UNIPROCESSOR)
  amain({.cpus = 1});
#else
  amain({.cpus = 2});
#endif
}

TEST(the_checker_accepts, what_was_written_before_the_runtime_and_what_is_read_after_it) {
  int before = 0, result = 0;
  post(color::fresh(), [&] {
    result = before + 1;
    stop();
  });
  before = 41;  // after the post, but before the start
  run([] {});
  EXPECT_EQ(result, 42);
}

TEST(the_checker_accepts, a_buffer_that_is_handed_to_and_fro) {
  const color red = color::fresh(), blue = color::fresh();
  auto buffer = std::make_unique<std::vector<int>>();
  struct game {
    static void play(color mine, color other, std::unique_ptr<std::vector<int>> b) {
      b->push_back(static_cast<int>(b->size()));
      if (b->size() == 1000) return stop();
      post(other, [=, b = std::move(b)]() mutable { play(other, mine, std::move(b)); });
    }
  };
  run([&] {
    post(red, [&, b = std::move(buffer)]() mutable { game::play(red, blue, std::move(b)); });
  });
}

TEST(the_checker_accepts, an_object_that_ends_with_whoever_lets_go_last) {
  struct shared : refcount {
    ~shared() override { stop(); }
    std::string text = "made by the first";  // read by its destructor, and so by the last
  };
  run([] {
    auto object = make_ref<shared>();
    for (int i = 0; i < 50; ++i) {
      post(color::fresh(), [object] { static_cast<void>(object->text.size()); });
    }
  });
}

TEST(the_checker_accepts, what_a_lock_of_the_program_guards) {
  std::mutex mutex;
  long sum = 0;  // guarded by mutex
  int left = 100;
  run([&] {
    for (int i = 0; i < 100; ++i) {
      post(color::fresh(), [&] {
        const std::lock_guard lock(mutex);
        ++sum;
        if (--left == 0) stop();
      });
    }
  });
  EXPECT_EQ(sum, 100);
}

TEST(the_checker_accepts, timers_and_fds_and_signals_that_one_color_registers_for_another) {
  const color red = color::fresh(), blue = color::fresh();
  int ends[2], step = 0;
  ASSERT_EQ(pipe(ends), 0);
  run([&] {
    post(red, [&] {
      step = 1;
      delaycb(1ms, cwrap(blue, [&] {
                EXPECT_EQ(step++, 1);
                fdcb(ends[1], selwrite, cwrap(red, [&] {
                       EXPECT_EQ(step++, 2);
                       fdcb(ends[1], selwrite, nullptr);
                       sigcb(SIGUSR2, cwrap(blue, [&] {
                               EXPECT_EQ(step++, 3);
                               sigcb(SIGUSR2, nullptr);
                               stop();
                             }));
                       raise(SIGUSR2);
                     }));
              }));
    });
  });
  EXPECT_EQ(step, 4);
  close(ends[0]);
  close(ends[1]);
}

TEST(the_checker_accepts, watches_and_timers_that_another_color_ends) {
  const color red = color::fresh(), blue = color::fresh();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  struct bound {
    std::string text = "what is bound";
    ~bound() { text.clear(); }
  };
  run([&] {
    post(red, [&] {
      const auto rarely = delaycb(1h, wrap([b = std::make_shared<bound>()] {}));
      fdcb(ends[0], selread, wrap([b = std::make_shared<bound>()] {}));
      post(blue, [&, rarely] {
        timecb_remove(rarely);
        fdcb(ends[0], selread, nullptr);
        stop();
      });
    });
  });
  close(ends[0]);
  close(ends[1]);
}

TEST(the_checker_accepts, blocking_work_that_is_waited_for) {
  int result = 0;
  run([&] {
    post(color::fresh(), [&] {
      result = 1;
      EXPECT_FALSE(blocking([&] { ++result; }, cwrap(color::fresh(), [&] {
                              EXPECT_EQ(++result, 3);
                              stop();
                            })));
    });
  });
  EXPECT_EQ(result, 3);
}

TEST(the_checker_accepts, thread_local_variables_and_what_they_have_on_the_heap_if_it_is_told_so) {
  struct per_thread {
    static std::size_t use(std::size_t n) {
      static thread_local std::size_t times = 0;
      static thread_local std::vector<std::size_t> on_heap;
      const unchecked on_heap_too;
      on_heap.assign(n % 100 + 1, ++times);
      return on_heap.size();
    }
  };
  std::atomic<int> left{200};
  run([&] {
    for (std::size_t i = 0; i < 200; ++i) {
      post(color::fresh(), [&, i] {
        EXPECT_EQ(per_thread::use(i), i % 100 + 1);
        if (left.fetch_sub(1, std::memory_order_relaxed) == 1) stop();
      });
    }
  });
}

TEST(the_checker_accepts, an_exception_that_leaves_a_callback) {
  int caught = 0;
  post(color::fresh(), [] { throw std::runtime_error("expected"); });
  runtime_options options{.cpus = 1};
  options.on_exception = [&](std::exception_ptr, where) {
    ++caught;
    stop();
  };
  amain(std::move(options));
  EXPECT_EQ(caught, 1);
}

TEST(the_checker_accepts, more_colors_at_once_than_it_follows) {
  constexpr std::size_t count = 3000;
  struct client {
    color own = color::fresh();
    std::string text;  // its color's
  };
  std::vector<client> clients(count);
  std::atomic<std::size_t> left{2 * count};
  run([&] {
    for (int round = 0; round < 2; ++round) {
      for (client& c : clients) {
        post(c.own, [&, round] {
          c.text += std::to_string(round);
          if (left.fetch_sub(1, std::memory_order_relaxed) == 1) stop();
        });
      }
    }
  });
  for (const client& c : clients) EXPECT_EQ(c.text, "01");
}

TEST(the_checker_accepts, a_hundred_thousand_colors_one_after_the_other) {
  constexpr int count = 100'000;
  struct relay {
    // Each color makes the next one, hands over what it has, and ends.
    static void run(std::unique_ptr<int> passed) {
      if (++*passed == count) return stop();
      post(color::fresh(), [p = std::move(passed)]() mutable { run(std::move(p)); });
    }
  };
  run([] {
    post(color::fresh(), [p = std::make_unique<int>(0)]() mutable { relay::run(std::move(p)); });
  });
}

}  // namespace
}  // namespace async::test
