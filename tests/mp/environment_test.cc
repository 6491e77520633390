// What a runtime takes from its process: the number of CPUs, and what fork() leaves to a child.
//
// Serves stages 3 to 5.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>

#include "tests/mp/tools.h"

namespace {

using async::color;
using async::default_cpus;
using async::post;
using async::run_summary;
using async::runtime;
using async::test::baton;

// How many CPUs

TEST(default_cpu_count, is_at_most_that_of_the_affinity_mask) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  EXPECT_GE(default_cpus(), 1u);
  EXPECT_LE(default_cpus(), static_cast<unsigned>(CPU_COUNT(&set)));
}

#if !defined(ASYNC_UNIPROCESSOR)  // which has no threads: its tests are in one_cpu_test.cc

class environment_variable {
 public:
  explicit environment_variable(const char* value) { setenv("ASYNC_NCPU", value, 1); }
  ~environment_variable() { unsetenv("ASYNC_NCPU"); }
};

TEST(default_cpu_count, is_that_of_the_environment_if_it_is_a_number_from_1_to_the_most) {
  for (const unsigned n : {1u, 3u, async::max_cpus}) {
    const environment_variable set(std::to_string(n).c_str());
    EXPECT_EQ(default_cpus(), n);
    if (n < 10) {
      EXPECT_EQ(runtime().cpus(), n);
    }
  }
}

TEST(default_cpu_count, says_so_and_goes_on_when_the_environment_makes_no_sense) {
  const unsigned otherwise = default_cpus();
  for (const char* bad : {"", "0", "-1", "two", "2x", " 2", "257", "99999999999999999999"}) {
    const environment_variable set(bad);
    testing::internal::CaptureStderr();
    EXPECT_EQ(default_cpus(), otherwise) << bad;
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_NE(said.find("ASYNC_NCPU=\"" + std::string(bad) + "\" is ignored"), std::string::npos)
        << said;
  }
}

// fork()

// Runs `in_child` in a child, which must return 0 from it.
template <class F>
void expect_child(F&& in_child) {
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    alarm(60);
    _exit(in_child());
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

int child_starts_over() {
  std::atomic<unsigned> ran{0};
  runtime cpus({.cpus = 2});
  cpus.start();
  for (unsigned i = 0; i != 1000; ++i) post(color{i % 7}, [&] { ++ran; });
  post(color::fresh(), [&] { ++ran; });
  cpus.drain();
  const run_summary summary = cpus.stop();
  return ran == 1001 && summary.ran == 1001 && summary.destroyed == 0 ? 0 : 1;
}

// ThreadSanitizer allows no threads in the child of a process that had any.
class forking : public testing::Test {
  void SetUp() override {
    if (async::test::under_tsan)
      GTEST_SKIP() << "ThreadSanitizer allows no threads in a forked child";
  }
};

TEST_F(forking, lets_the_child_start_over_while_the_parent_goes_on) {
  runtime cpus({.cpus = 2});
  cpus.start();
  baton runs, goes_on;
  std::atomic<unsigned> ran{0};
  post(color{1}, [&] {
    runs.post();
    goes_on.wait();
  });
  runs.wait();
  for (unsigned i = 0; i != 100; ++i) post(color{1}, [&] { ++ran; });
  expect_child(child_starts_over);
  EXPECT_EQ(ran, 0u);  // nor has the child run them: it would have failed
  goes_on.post();
  cpus.drain();
  EXPECT_EQ(ran, 100u);
  EXPECT_EQ(cpus.stop().ran, 101u);
}

TEST_F(forking, in_a_callback_lets_the_child_start_over) {
  runtime cpus({.cpus = 2});
  cpus.start();
  post(color{2}, [] { expect_child(child_starts_over); });
  cpus.drain();
  cpus.stop();
}

TEST_F(forking, under_load_finds_no_lock_held_in_the_child) {
  if (async::test::under_asan)
    GTEST_SKIP() << "the locks of the sanitizer's own allocator may be held in the child";
  runtime cpus({.cpus = 2});
  cpus.start();
  std::atomic<bool> over{false};
  std::array<std::thread, 2> threads;
  for (auto& t : threads)
    t = std::thread([&over] {
      for (unsigned i = 0; !over; ++i) {
        post(color{i % 31}, [big = std::array<char, 200>{}] { static_cast<void>(big); });
        if (i % 64 == 0) std::this_thread::yield();
      }
    });
  for (int i = 0; i != 20; ++i) expect_child(child_starts_over);
  over = true;
  for (auto& t : threads) t.join();
  cpus.drain();
  cpus.stop();
}

TEST_F(forking, before_there_is_a_runtime_leaves_pending_posts_to_the_parent) {
  unsigned ran = 0;
  post(color{}, [&ran] { ++ran; });
  expect_child(child_starts_over);
  runtime cpus({.cpus = 1});
  cpus.start();
  cpus.drain();
  EXPECT_EQ(cpus.stop().ran, 1u);
  EXPECT_EQ(ran, 1u);
}

#endif

}  // namespace
