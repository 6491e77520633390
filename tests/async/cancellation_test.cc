// Guarantee 7: what its own color cancels does not run, even if its event was already queued.
//
// Each test makes two events ready, has one poll queue both, and lets the callback that runs first
// cancel the other one. So exactly one runs, whichever order they come in.
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <vector>

#include "tests/async/helpers.h"
#include "tests/support/support.h"

namespace async::test {
namespace {

class cancellation : public each_cpu_count {
 protected:
  // Runs until what the first poll has brought is done; the callbacks that ran are counted.
  void expect_one_call() {
    for (int i = 0; i < 3; ++i) select_waiter().poll();
    // Behind those two: their color's queue is a FIFO.
    post(mine, [] { post(color(), [] { stop(); }); });
    run();
    EXPECT_EQ(calls, 1);
  }

  const color mine = color::fresh();
  int calls = 0;
};
ASYNC_TEST_EACH_CPU_COUNT(cancellation);

TEST_P(cancellation, of_an_fd_whose_event_is_queued) {
  test_pipe pipes[2];
  for (const test_pipe& p : pipes) {
    p.put();
    fdcb(p.in(), selread, cwrap(mine, [&] {
           ++calls;
           for (const test_pipe& each : pipes) fdcb(each.in(), selread, nullptr);
         }));
  }
  expect_one_call();
}

TEST_P(cancellation, of_an_fd_whose_callback_is_replaced_while_its_event_is_queued) {
  test_pipe pipes[2];
  int replacements = 0;
  for (const test_pipe& p : pipes) {
    p.put();
    fdcb(p.in(), selread, cwrap(mine, [&] {
           ++calls;
           for (const test_pipe& each : pipes) {
             fdcb(each.in(), selread, cwrap(mine, [&] {
                    ++replacements;
                    fdcb(each.in(), selread, nullptr);
                  }));
           }
         }));
  }
  expect_one_call();
  // The replacements are called instead.
  std::function<void()> look = [&] { replacements == 2 ? stop() : post(mine, look); };
  post(mine, look);
  run();
  EXPECT_EQ(calls, 1);
}

TEST_P(cancellation, of_a_timer_that_has_expired) {
  std::vector<timecb_t> timers;
  for (int i = 0; i < 2; ++i) {
    timers.push_back(delaycb(std::chrono::seconds(-1), cwrap(mine, [&] {
                               ++calls;
                               for (const timecb_t& t : timers) timecb_remove(t);
                             })));
  }
  expect_one_call();
}

TEST_P(cancellation, of_a_signal_that_has_come) {
  for (const int number : {SIGUSR1, SIGUSR2}) {
    sigcb(number, cwrap(mine, [&] {
            ++calls;
            sigcb(SIGUSR1, nullptr);
            sigcb(SIGUSR2, nullptr);
          }));
    raise(number);
  }
  expect_one_call();
}

TEST_P(cancellation, of_a_child_that_has_ended) {
  std::vector<pid_t> pids;
  for (int i = 0; i < 2; ++i) {
    pids.push_back(fork());
    if (pids.back() == 0) _exit(0);
  }
  siginfo_t info;
  for (const pid_t pid : pids) {
    waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
    chldcb(pid, cwrap(mine, [&](int) {
             ++calls;
             for (const pid_t each : pids) chldcb(each, nullptr);
           }));
  }
  expect_one_call();
  int reaped = 0;
  for (const pid_t pid : pids) reaped += waitpid(pid, nullptr, 0) == pid;
  EXPECT_EQ(reaped, 1) << "the other child was not reaped";
}

TEST_P(cancellation, of_a_connection_that_is_made) {
  const int listening = tcp_listen(0, "127.0.0.1");
  std::vector<tcpconnect_t> attempts;
  for (int i = 0; i < 2; ++i) {
    attempts.push_back(tcpconnect("127.0.0.1", local_port(listening), cwrap(mine, [&](int fd) {
                                    ++calls;
                                    EXPECT_GE(fd, 0);
                                    close(fd);
                                    for (const auto& a : attempts) tcpconnect_cancel(a);
                                  })));
  }
  post(mine, [&] {
    // Both sockets are connected by now, and so writable.
    post(color(), [] { stop(); });
  });
  run();
  expect_one_call();
  close(listening);
}

TEST_P(cancellation, of_a_connection_that_failed_at_once_is_safe) {
  tcpconnect_t attempt;
  const int listening = tcp_listen(0, "127.0.0.1");
  const std::uint16_t port = local_port(listening);
  close(listening);  // refused from now on
  post(mine, [&, port] {
    attempt = tcpconnect("127.0.0.1", port, cwrap(mine, [&](int) { FAIL(); }));
    tcpconnect_cancel(attempt);
    tcpconnect_cancel(attempt);
    tcpconnect_cancel(nullptr);
    ++calls;
  });
  expect_one_call();
}

// From other colors the callback may still be running or about to, but nothing is freed too early,
// and after the cancelling's return and one more callback of its color it is over.
TEST_P(cancellation, from_another_color_ends_the_calls_soon_and_frees_the_callback) {
  constexpr int rounds = 300;
  for (int round = 0; round < rounds; ++round) {
    test_pipe p;
    p.put();
    int alive = 0;
    std::atomic<bool> over{false};
    fdcb(p.in(), selread, cwrap(mine, [&, value = counted_value(alive)] {
           EXPECT_FALSE(over.load());
           EXPECT_EQ(alive, 1);
         }));
    const timecb_t t = delaycb(std::chrono::microseconds(round % 20),
                               cwrap(mine, [&] { EXPECT_FALSE(over.load()); }));
    post(color::fresh(), [&, t] {
      fdcb(p.in(), selread, nullptr);
      timecb_remove(t);
      post(mine, [&] {
        over = true;
        post(color(), [] { stop(); });
      });
    });
    run();
    EXPECT_EQ(alive, 0);
  }
}

}  // namespace
}  // namespace async::test
