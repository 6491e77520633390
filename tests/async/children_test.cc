// chldcb: DESIGN section 4 and guarantees 7 and 8, as far as children go.
#include <sys/wait.h>

#include <csignal>
#include <map>

#include "tests/async/helpers.h"

namespace async::test {
namespace {

class children : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(children);

// A child that ends with `status` when `gate` is closed, or at once without one.
pid_t start_child(int status, const test_pipe* gate = nullptr) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  if (gate != nullptr) {
    close(gate->out());
    fcntl(gate->in(), F_SETFL, 0);
    gate->get();
  }
  _exit(status);
}

// Waits until it has ended, and leaves it unreaped.
void await_end(pid_t pid) {
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
}

TEST_P(children, a_child_that_ends_after_chldcb_is_reported) {
  test_pipe gate;
  const pid_t pid = start_child(3, &gate);
  const color c = color::fresh();
  int got = -1;
  ASSERT_FALSE(chldcb(pid, cwrap(c, [&](int status) {
                        EXPECT_TRUE(c.is_current());
                        got = status;
                        stop();
                      })));
  post(color(), [&] { gate.close_out(); });
  run();
  ASSERT_TRUE(WIFEXITED(got));
  EXPECT_EQ(WEXITSTATUS(got), 3);
  EXPECT_EQ(waitpid(pid, nullptr, 0), -1) << "it is reaped";
}

TEST_P(children, a_child_that_ended_before_chldcb_is_reported) {
  const pid_t pid = start_child(4);
  await_end(pid);
  int got = -1;
  ASSERT_FALSE(chldcb(pid, wrap([&](int status) {
                        got = status;
                        stop();
                      })));
  run();
  ASSERT_TRUE(WIFEXITED(got));
  EXPECT_EQ(WEXITSTATUS(got), 4);
}

TEST_P(children, a_child_that_was_killed_reports_the_signal) {
  test_pipe gate;
  const pid_t pid = start_child(0, &gate);
  int got = -1;
  chldcb(pid, wrap([&](int status) {
           got = status;
           stop();
         }));
  kill(pid, SIGKILL);
  run();
  ASSERT_TRUE(WIFSIGNALED(got));
  EXPECT_EQ(WTERMSIG(got), SIGKILL);
}

TEST_P(children, each_of_many_children_is_reported_with_its_own_status) {
  std::map<pid_t, int> expected, got;
  for (int i = 0; i < 20; ++i) {
    const pid_t pid = start_child(i);
    expected[pid] = i;
    chldcb(pid, wrap([&, pid](int status) {
             got[pid] = WEXITSTATUS(status);
             if (got.size() == expected.size()) stop();
           }));
  }
  run();
  EXPECT_EQ(got, expected);
}

TEST_P(children, children_that_nobody_asked_for_are_left_alone) {
  const pid_t other = start_child(5);
  await_end(other);
  const pid_t pid = start_child(6);
  chldcb(pid, wrap([](int) { stop(); }));
  run();
  int status = 0;
  EXPECT_EQ(waitpid(other, &status, WNOHANG), other);
  EXPECT_EQ(WEXITSTATUS(status), 5);
}

TEST_P(children, a_child_whose_callback_was_taken_away_is_left_unreaped) {
  const pid_t pid = start_child(7);
  await_end(pid);
  int alive = 0;
  chldcb(pid, wrap([value = counted_value(alive)](int) { FAIL(); }));
  EXPECT_FALSE(chldcb(pid, nullptr));
  EXPECT_EQ(alive, 0);
  select_waiter().poll();
  int got = -1;
  chldcb(pid, wrap([&](int status) {
           got = status;
           stop();
         }));
  run();
  EXPECT_EQ(WEXITSTATUS(got), 7);
}

TEST_P(children, a_child_that_somebody_else_reaps_has_the_status_minus_one) {
  test_pipe gate;
  const pid_t pid = start_child(0, &gate);
  int got = 0;
  chldcb(pid, wrap([&](int status) {
           got = status;
           stop();
         }));
  gate.close_out();
  ASSERT_EQ(waitpid(pid, nullptr, 0), pid);
  run();
  EXPECT_EQ(got, -1);
}

TEST(children_idle, a_process_that_is_not_there_is_refused_and_never_calls_back) {
  const pid_t pid = start_child(0);
  waitpid(pid, nullptr, 0);
  int alive = 0;
  EXPECT_EQ(chldcb(pid, wrap([value = counted_value(alive)](int) {})), std::errc::no_such_process);
  EXPECT_TRUE(chldcb(-1, wrap([value = counted_value(alive)](int) {})));
  EXPECT_EQ(alive, 0);
  EXPECT_FALSE(chldcb(pid, nullptr));
}

}  // namespace
}  // namespace async::test
