// fork(): the child starts over, and the parent goes on.
#include <sys/wait.h>

#include <atomic>
#include <csignal>

#include "tests/async/helpers.h"
#include "tests/support/support.h"

namespace async::test {
namespace {

// Uses everything once, in a forked child; returns its exit status.
int start_over(const test_pipe& parents) {
  int left = 5;
  const auto done = [&] {
    if (--left == 0) stop();
  };
  test_pipe p;
  p.put();
  fdcb(p.in(), selread, wrap([&] {
         fdcb(p.in(), selread, nullptr);
         done();
       }));
  delaycb(std::chrono::milliseconds(1), wrap(done));
  sigcb(SIGUSR1, wrap(done));
  raise(SIGUSR1);
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  chldcb(pid, wrap([&](int) { done(); }));
  const int listening = tcp_listen(0);
  tcpconnect("localhost", local_port(listening), wrap([&](int) { done(); }));
  parents.put();  // readable for the parent; its callback must not run here
  amain({.cpus = 1});
  return left;
}

class forking : public each_cpu_count {
 protected:
  void SetUp() override {
    if (under_tsan) GTEST_SKIP() << "ThreadSanitizer does not support threads in forked children";
  }
  void expect_child(pid_t pid) {
    int status = -1;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
};
ASYNC_TEST_EACH_CPU_COUNT(forking);

TEST_P(forking, lets_the_child_start_over_and_the_parent_go_on) {
#if defined(ASYNC_UNIPROCESSOR)
  GTEST_SKIP() << "there is no thread outside of the runtime";
#else
  test_pipe p;
  baton seen, timed;
  std::atomic<pid_t> seen_by{0};
  fdcb(p.in(), selread, wrap([&] {
         p.get();
         seen_by = getpid();
         seen.post();
       }));
  const timecb_t t = delaycb(std::chrono::milliseconds(200), wrap([&] { timed.post(); }));
  sigcb(SIGUSR2, wrap([] { FAIL(); }));
  runtime cpus({.cpus = GetParam(), .waiter = &select_waiter()});
  cpus.start();
  cpus.drain();  // now the leader is asleep, or about to be
  const pid_t pid = fork();
  if (pid == 0) _exit(start_over(p));
  seen.wait();  // the child's byte
  expect_child(pid);
  p.put();
  seen.wait();
  timed.wait();
  EXPECT_EQ(seen_by, getpid());
  cpus.stop();
  fdcb(p.in(), selread, nullptr);
  sigcb(SIGUSR2, nullptr);
#endif
}

TEST_P(forking, in_a_callback_lets_the_child_start_over) {
  test_pipe p;
  fdcb(p.in(), selread, wrap([&] {
         p.get();
         fdcb(p.in(), selread, nullptr);
         stop();
       }));
  pid_t pid = 0;
  post(color(), [&] {
    pid = fork();
    if (pid == 0) _exit(start_over(p));
  });
  run();
  expect_child(pid);
}

TEST_P(forking, and_never_using_the_library_in_the_child_is_fine) {
  delaycb(std::chrono::hours(1), wrap([] {}));
  pid_t pid = 0;
  post(color(), [&] {
    pid = fork();
    if (pid == 0) _exit(0);
    chldcb(pid, wrap([](int status) {
             EXPECT_EQ(status, 0);
             stop();
           }));
  });
  run();
}

TEST_P(forking, gives_the_child_the_signals_back) {
  sigcb(SIGUSR1, wrap([] {}));
  const pid_t pid = fork();
  if (pid == 0) {
    struct sigaction now;
    sigaction(SIGUSR1, nullptr, &now);
    _exit(now.sa_handler == SIG_DFL ? 0 : 1);
  }
  expect_child(pid);
  sigcb(SIGUSR1, nullptr);
}

}  // namespace
}  // namespace async::test
