// amain, and the messages of err.h.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string>

#include "tests/async/helpers.h"
#include "tests/async/streams.h"
#include "tests/support/support.h"

namespace async::test {
namespace {

class main_loop : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(main_loop);

TEST_P(main_loop, may_be_run_again_and_again) {
  for (int i = 0; i < 300; ++i) {
    post(color(), [] { stop(); });
    EXPECT_EQ(run().ran, 1u);
  }
}

TEST_P(main_loop, keeps_what_is_registered_between_runs) {
  test_pipe p;
  int reads = 0;
  fdcb(p.in(), selread, wrap([&] {
         if (p.get() < 0) return;
         ++reads;
         stop();
       }));
  for (int i = 1; i <= 3; ++i) {
    p.put();
    run();
    EXPECT_EQ(reads, i);
  }
  fdcb(p.in(), selread, nullptr);
  bool ticked = false;
  const timecb_t t = delaycb(std::chrono::hours(1), wrap([] { FAIL(); }));
  post(color(), [] { stop(); });
  run();
  delaycb(std::chrono::milliseconds(1), wrap([&] {
            ticked = true;
            stop();
          }));
  run();
  EXPECT_TRUE(ticked);
  timecb_remove(t);
}

TEST_P(main_loop, lets_streams_go_on_when_it_is_run_again) {
  connected pair;
  const auto io = aios::make(pair.ours);
  post(color(), [&] {
    io->write("a");
    stop();
  });
  run();
  post(color(), [&] {
    io->write("b");
    io->when_written(wrap([](std::error_code) { stop(); }));
  });
  run();
  EXPECT_EQ(pair.receive(2), "ab");
}

TEST_P(main_loop, makes_writing_to_a_closed_pipe_an_error) {
  test_pipe p;
  p.close_in();
  signal(SIGPIPE, SIG_DFL);
  ssize_t written = 0;
  int error = 0;
  post(color(), [&] {
    written = write(p.out(), "x", 1);
    error = errno;
    stop();
  });
  run();
  EXPECT_EQ(written, -1);
  EXPECT_EQ(error, EPIPE);
  signal(SIGPIPE, SIG_DFL);
}

TEST_P(main_loop, leaves_a_callback_for_sigpipe_alone) {
  signal(SIGPIPE, SIG_DFL);
  bool called = false;
  sigcb(SIGPIPE, wrap([&] {
          called = true;
          stop();
        }));
  post(color(), [] { raise(SIGPIPE); });
  run();
  EXPECT_TRUE(called);
  sigcb(SIGPIPE, nullptr);
}

// The leader sleeps in the loop while posts come from outside: none may be lost.
TEST_P(main_loop, is_woken_by_posts_from_outside) {
#if defined(ASYNC_UNIPROCESSOR)
  GTEST_SKIP() << "nobody may post from outside";
#else
  runtime cpus({.cpus = GetParam(), .waiter = &select_waiter()});
  cpus.start();
  baton ran;
  for (int i = 0; i < 2000; ++i) {
    post(color::fresh(), [&] { ran.post(); });
    ran.wait();
  }
  cpus.stop();
#endif
}

// A wake-up that comes before the sleep ends that sleep. (If it were lost, this test would hang.)
TEST(select_waiter, remembers_a_wake_up_that_comes_first) {
  select_waiter().wake();
  select_waiter().poll();
  select_waiter().wait();
  select_waiter().wake();
  select_waiter().wake();
  select_waiter().wait();
}

TEST(messages, warn_writes_one_line_with_the_programs_name_and_keeps_errno) {
  setprogname("/usr/bin/some-program");
  EXPECT_STREQ(progname(), "some-program");
  testing::internal::CaptureStderr();
  errno = ENOENT;
  warn("%s: %s (%d)", "file", strerror(errno), 7);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "some-program: file: No such file or directory (7)\n");
}

TEST(messages, percent_m_is_the_error_of_the_call) {
  setprogname("p");
  testing::internal::CaptureStderr();
  errno = EADDRINUSE;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat"  // not ISO
  warn("port %d: %m", 7);
#pragma GCC diagnostic pop
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "p: port 7: Address already in use\n");
}

TEST(messages, a_line_that_is_too_long_is_cut_and_still_ends) {
  setprogname("p");
  testing::internal::CaptureStderr();
  warn("%s", std::string(10'000, 'x').c_str());
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_GE(line.size(), 4000u);
  EXPECT_LE(line.size(), 4096u);
  EXPECT_EQ(line.back(), '\n');
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(messages_death, fatal_ends_the_program_with_status_1) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(fatal("no %s", "export"), testing::ExitedWithCode(1), ": fatal: no export");
}

TEST(messages_death, of_the_layers_below_have_the_programs_name_too) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto fail = [] {
    setprogname("/usr/bin/some-program");
    post(color(), [] { throw std::runtime_error("too far"); });
    amain({.cpus = 1});
  };
  EXPECT_DEATH(fail(), "some-program: an exception left the callback wrapped or posted at ");
}

TEST(messages_death, panic_aborts) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(panic("bad %d", 3), testing::KilledBySignal(SIGABRT), ": panic: bad 3");
}

}  // namespace
}  // namespace async::test
