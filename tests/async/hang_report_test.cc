// The hang report: the events that keep a program alive, by what wrapped their callbacks.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include "mp/detail/watchdog_control.h"
#include "mp/watchdog.h"
#include "tests/async/helpers.h"

namespace async::test {
namespace {

using namespace std::chrono_literals;

class hang : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(hang);

bool reports(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string at_line(int n) { return "hang_report_test.cc:" + std::to_string(n) + " ("; }

// What a callback of the loop is told.
std::string report_of(std::function<run_summary()> run) {
  std::string text;
  post(color(), [&] {
    text = hang_report();
    stop();
  });
  run();
  return text;
}

TEST_P(hang, report_names_the_fd_that_keeps_the_program_alive) {
  test_pipe p;
  const int registered = __LINE__ + 1;
  fdcb(p.in(), selread, cwrap(color(71), [] {}));
  const std::string text = report_of([this] { return run(); });
  EXPECT_TRUE(reports(text, "1 fd to read: ")) << text;
  EXPECT_TRUE(reports(text, at_line(registered))) << text;
  EXPECT_TRUE(reports(text, ": " + std::to_string(p.in()) + " of color 71\n")) << text;
  fdcb(p.in(), selread, nullptr);
  EXPECT_FALSE(reports(report_of([this] { return run(); }), at_line(registered)));
}

TEST_P(hang, report_names_timers_and_not_those_that_were_removed) {
  const timecb_t gone = delaycb(2h, wrap([] {}));
  const int set = __LINE__ + 1;
  const timecb_t t = delaycb(1h, wrap([] {}));
  timecb_remove(gone);
  const std::string text = report_of([this] { return run(); });
  EXPECT_TRUE(reports(text, "1 timer: ")) << text;
  EXPECT_TRUE(reports(text, at_line(set))) << text;
  EXPECT_TRUE(reports(text, ": in 3599.") || reports(text, ": in 3600.")) << text;
  EXPECT_TRUE(reports(text, " of the default color\n")) << text;
  timecb_remove(t);
}

TEST_P(hang, report_names_signals_and_children) {
  const pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  const int watched = __LINE__ + 1;
  chldcb(child, wrap([](int) {}));
  sigcb(SIGUSR2, wrap([] {}));
  const std::string text = report_of([this] { return run(); });
  EXPECT_TRUE(reports(text, "1 child to end: ")) << text;
  EXPECT_TRUE(reports(text, at_line(watched))) << text;
  EXPECT_TRUE(reports(text, "1 signal: ")) << text;
  EXPECT_TRUE(reports(text, at_line(watched + 1))) << text;
  chldcb(child, nullptr);
  sigcb(SIGUSR2, nullptr);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST_P(hang, report_names_blocking_work_under_way) {
  baton begun, end;
  std::string text;
  const int given = __LINE__ + 1;
  const auto over = wrap([] { stop(); });
  ASSERT_FALSE(blocking(
      [&] {
        begun.post();
        end.wait();
      },
      over));
  post(color(), [&] {
    begun.wait();
    text = hang_report();
    end.post();
  });
  run();
  EXPECT_TRUE(reports(text, "1 blocking work under way: ")) << text;
  EXPECT_TRUE(reports(text, at_line(given))) << text;
}

TEST_P(hang, watchdog_says_which_blocking_work_amain_waits_for) {
  baton begun, end;
  detail::watch_without_thread(1s);
  const int given = __LINE__ + 1;
  const auto never = wrap([] {});
  ASSERT_FALSE(blocking(
      [&] {
        begun.post();
        end.wait();
      },
      never));
  post(color(), [&] {
    begun.wait();
    stop();
  });
  std::string said;
  std::thread other([&] {
    const auto began = std::chrono::steady_clock::now();
    for (auto time = 0s; !reports(said, "for blocking work and operations on files"); time += 1s) {
      said.clear();
      for (const std::string& one : detail::watchdog_look(began + time)) said += one;
      std::this_thread::yield();  // it may not wait yet
    }
    end.post();
  });
  run();
  other.join();
  EXPECT_TRUE(reports(said, "the program has waited for ")) << said;
  EXPECT_TRUE(reports(said, "1 blocking work under way: ")) << said;
  EXPECT_TRUE(reports(said, at_line(given))) << said;
  watchdog_stop();
}

}  // namespace
}  // namespace async::test
