// sigcb: DESIGN section 4 and guarantees 7 and 8, as far as signals go.
#include <cerrno>
#include <csignal>

#include "tests/async/helpers.h"

namespace async::test {
namespace {

class signals : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(signals);

TEST_P(signals, a_signal_calls_its_callback_under_its_color) {
  const color c = color::fresh();
  int calls = 0;
  ASSERT_FALSE(sigcb(SIGUSR1, cwrap(c, [&] {
                       EXPECT_TRUE(c.is_current());
                       ++calls;
                       sigcb(SIGUSR1, nullptr);
                       stop();
                     })));
  post(color(), [] { raise(SIGUSR1); });
  run();
  EXPECT_EQ(calls, 1);
}

TEST_P(signals, signals_that_come_before_the_callback_begins_are_one) {
  int calls = 0;
  sigcb(SIGUSR1, wrap([&] { ++calls; }));
  for (int i = 0; i < 10; ++i) {
    raise(SIGUSR1);
    select_waiter().poll();
  }
  post(color(), [] { stop(); });
  run();
  EXPECT_EQ(calls, 1);
  sigcb(SIGUSR1, nullptr);
}

TEST_P(signals, a_signal_that_comes_while_the_callback_runs_calls_it_again) {
  int calls = 0;
  sigcb(SIGUSR1, wrap([&] { ++calls < 20 ? void(raise(SIGUSR1)) : stop(); }));
  raise(SIGUSR1);
  run();
  EXPECT_EQ(calls, 20);
  sigcb(SIGUSR1, nullptr);
}

// The leader, here the callback itself for want of another CPU, meets the signal before the
// callback is over.
TEST(signals_on_one_cpu, a_signal_that_is_seen_while_the_callback_runs_calls_it_again) {
  int calls = 0;
  sigcb(SIGUSR1, wrap([&] {
          if (++calls == 2) return stop();
          raise(SIGUSR1);
          select_waiter().poll();
        }));
  raise(SIGUSR1);
  amain({.cpus = 1});
  EXPECT_EQ(calls, 2);
  sigcb(SIGUSR1, nullptr);
}

TEST_P(signals, a_delivery_that_the_stop_destroyed_does_not_stop_later_ones) {
  int calls = 0;
  sigcb(SIGUSR1, wrap([&] {
          ++calls;
          stop();
        }));
  post(color(), [] { stop(); });
  raise(SIGUSR1);
  select_waiter().poll();
  const auto destroyed = run().destroyed;
  EXPECT_GE(destroyed, 1u);
  // With two, once in some 500,000 runs there was another one; which is not known.
  if (GetParam() == 1) {
    EXPECT_EQ(destroyed, 1u);
  }
  EXPECT_EQ(calls, 0);
  raise(SIGUSR1);
  run();
  EXPECT_EQ(calls, 1);
  sigcb(SIGUSR1, nullptr);
}

TEST(signal_handlers, keep_errno) {
  sigcb(SIGUSR1, wrap([] {}));
  // The handler writes to a pipe only if the leader may be asleep; so let it be asked both ways.
  for (int i = 0; i < 100; ++i) {
    errno = 12345;
    raise(SIGUSR1);
    EXPECT_EQ(errno, 12345);
  }
  sigcb(SIGUSR1, nullptr);
}

TEST_P(signals, a_replaced_callback_is_not_called) {
  int old_calls = 0, new_calls = 0, alive = 0;
  sigcb(SIGUSR1, wrap([&, value = counted_value(alive)] { ++old_calls; }));
  sigcb(SIGUSR1, wrap([&] {
          ++new_calls;
          stop();
        }));
  EXPECT_EQ(alive, 0);
  raise(SIGUSR1);
  run();
  EXPECT_EQ(old_calls, 0);
  EXPECT_EQ(new_calls, 1);
  sigcb(SIGUSR1, nullptr);
}

TEST(signal_handlers, a_signal_does_again_what_it_did_before) {
  static int handled;
  handled = 0;
  struct sigaction mine {
  }, found;
  mine.sa_handler = [](int) { ++handled; };
  sigaction(SIGUSR2, &mine, nullptr);
  sigcb(SIGUSR2, wrap([] {}));
  sigcb(SIGUSR2, wrap([] {}));
  raise(SIGUSR2);
  EXPECT_EQ(handled, 0);
  sigcb(SIGUSR2, nullptr);
  raise(SIGUSR2);
  EXPECT_EQ(handled, 1);
  signal(SIGUSR2, SIG_DFL);
  sigaction(SIGUSR2, nullptr, &found);
}

TEST(signal_handlers, what_is_no_signal_or_a_fault_is_refused_and_never_calls_back) {
  int alive = 0;
  for (const int number : {0, -1, NSIG, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    EXPECT_EQ(sigcb(number, wrap([value = counted_value(alive)] {})), std::errc::invalid_argument);
  }
  EXPECT_EQ(alive, 0);
  EXPECT_FALSE(sigcb(SIGUSR1, nullptr)) << "clearing what is not set is no error";
}

}  // namespace
}  // namespace async::test
