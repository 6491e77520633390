// Specification of output and input on real file descriptors: partial writes, errors, signals.
//
// Serves stage 6 (output).
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "tests/suio/helpers.h"
#include "tests/support/support.h"

namespace async::test {
namespace {

struct either_fd : testing::TestWithParam<two_fds (*)()> {
  void SetUp() override { ::signal(SIGPIPE, SIG_DFL); }
  two_fds fds = GetParam()();
};

two_fds small_pipe() {
  two_fds fds = make_pipe();
  EXPECT_GT(::fcntl(fds.write, F_SETPIPE_SZ, 4096), 0);
  return fds;
}
two_fds small_socket() {
  two_fds fds = make_socketpair();
  int size = 4096;
  EXPECT_EQ(::setsockopt(fds.write, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
  return fds;
}
INSTANTIATE_TEST_SUITE_P(pipe, either_fd, testing::Values(small_pipe));
INSTANTIATE_TEST_SUITE_P(socket, either_fd, testing::Values(small_socket));

TEST_P(either_fd, takes_bytes_part_by_part_and_callbacks_follow_exactly) {
  auto random = make_prng(2);
  suio s;
  std::string expected;
  std::vector<std::size_t> called;
  std::vector<std::size_t> marks;
  for (int i = 0; i < 200; ++i) {
    std::string piece = pattern(1 + random() % 2000, random() % 89);
    expected += piece;
    if (i % 2 == 0)
      s.copy(piece);
    else
      s.print(std::move(piece));
    marks.push_back(expected.size());
    s.iovcb(wrap([&called, at = expected.size()] { called.push_back(at); }));
  }
  std::string received;
  std::size_t written = 0;
  while (!s.empty()) {
    io_result r = s.output(fds.write);
    ASSERT_NE(r.status, io_status::error) << r.error.message();
    ASSERT_EQ(r.status == io_status::done, s.empty());
    written += r.bytes;
    ASSERT_EQ(contents(s), expected.substr(written));
    for (std::size_t i = 0; i < marks.size(); ++i)
      ASSERT_EQ(i < called.size(), marks[i] <= written) << i;
    received += drain(fds.read);
  }
  EXPECT_EQ(received, expected);
  EXPECT_EQ(called, marks);
}

TEST_P(either_fd, receives_more_ranges_than_the_kernel_takes_at_once) {
  const std::string bytes = pattern(10001);
  suio s;
  std::string expected;
  for (std::size_t i = 0; i < 5000; ++i) {
    s.print(bytes.data() + 2 * i, 1);
    expected += bytes[2 * i];
  }
  std::string received;
  while (!s.empty()) {
    ASSERT_NE(s.output(fds.write).status, io_status::error);
    received += drain(fds.read);
  }
  EXPECT_EQ(received, expected);
}

TEST_P(either_fd, whose_reader_is_gone_gives_EPIPE_and_no_SIGPIPE) {
  fds.close_read();
  suio s;
  s.copy("abc");
  s.iovcb(wrap([] { FAIL() << "the bytes were not written"; }));
  for (int i = 0; i < 2; ++i) {
    io_result r = s.output(fds.write);
    EXPECT_EQ(r.status, io_status::error);
    EXPECT_EQ(r.error, std::errc::broken_pipe);
    EXPECT_EQ(r.bytes, 0u);
    EXPECT_EQ(contents(s), "abc");
  }
  sigset_t set;
  ::sigpending(&set);
  EXPECT_EQ(sigismember(&set, SIGPIPE), 0);
  ::pthread_sigmask(SIG_BLOCK, nullptr, &set);
  EXPECT_EQ(sigismember(&set, SIGPIPE), 0);
}

TEST_P(either_fd, gives_its_bytes_to_input_and_then_would_block_and_then_eof) {
  suio in;
  EXPECT_EQ(in.input(fds.read).status, io_status::would_block);
  suio out;
  out.copy(pattern(3000));
  EXPECT_EQ(out.output(fds.write).status, io_status::done);
  io_result r = in.input(fds.read);
  EXPECT_EQ(r.status, io_status::done);
  EXPECT_EQ(r.bytes, 3000u);
  EXPECT_EQ(in.input(fds.read).status, io_status::would_block);
  fds.close_write();
  EXPECT_EQ(in.input(fds.read).status, io_status::eof);
  EXPECT_EQ(contents(in), pattern(3000));
}

TEST(suio_output_to_a_closed_fd, is_EBADF_and_leaves_the_bytes) {
  suio s;
  s.copy("abc");
  io_result r = s.output(-1);
  EXPECT_EQ(r.status, io_status::error);
  EXPECT_EQ(r.error, std::errc::bad_file_descriptor);
  EXPECT_EQ(contents(s), "abc");
  r = s.input(-1);
  EXPECT_EQ(r.status, io_status::error);
  EXPECT_EQ(r.error, std::errc::bad_file_descriptor);
  EXPECT_EQ(contents(s), "abc");
}

TEST(suio_output_to_a_file, accounts_what_was_written_before_an_error) {
  ::signal(SIGXFSZ, SIG_IGN);
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  rlimit before;
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  suio s;
  s.print(pattern(1500));
  io_result r = s.output(::fileno(file));
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(r.bytes, 1000u);
  EXPECT_EQ(r.status, io_status::error);
  EXPECT_EQ(r.error, std::errc::file_too_large);
  EXPECT_EQ(contents(s), pattern(500, 1000));
  std::fclose(file);
}

// Interrupts a thread inside a blocking call. It is known to be inside when the kernel says that
// it sleeps, for there is nothing else in `blocking` to sleep in.
template <class Blocking>
void interrupt_inside(Blocking blocking, const std::function<void()>& let_it_go_on) {
  static std::atomic<int> interrupted;
  interrupted = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted.fetch_add(1); };
  struct sigaction before;
  ::sigaction(SIGUSR1, &action, &before);

  std::atomic<pid_t> tid = 0;
  std::thread thread([&] {
    tid = static_cast<pid_t>(::syscall(SYS_gettid));
    blocking();
  });
  auto wait_until_it_sleeps = [&] {
    for (std::string state; state != "S"; std::this_thread::yield()) {
      std::ifstream stat("/proc/self/task/" + std::to_string(tid) + "/stat");
      std::string word;
      while (stat >> word && word.back() != ')') {}
      stat >> state;
    }
  };
  while (tid == 0) std::this_thread::yield();
  wait_until_it_sleeps();
  ::pthread_kill(thread.native_handle(), SIGUSR1);
  while (interrupted == 0) std::this_thread::yield();
  wait_until_it_sleeps();
  let_it_go_on();
  thread.join();
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST(suio_and_signals, an_interrupted_blocking_output_goes_on) {
  for (auto make : {+[] { return make_pipe(0); }, +[] { return make_socketpair(0); }}) {
    two_fds fds = make();
    const std::string filler(65536, 'x');
    ::fcntl(fds.write, F_SETFL, O_NONBLOCK);
    while (::write(fds.write, filler.data(), filler.size()) > 0) {}
    while (::write(fds.write, "x", 1) > 0) {}
    ::fcntl(fds.write, F_SETFL, 0);
    ::fcntl(fds.read, F_SETFL, O_NONBLOCK);

    suio s;
    s.copy("the end");
    io_result r;
    std::string received;
    interrupt_inside([&] { r = s.output(fds.write); }, [&] { received = drain(fds.read); });
    received += drain(fds.read);
    EXPECT_EQ(r.status, io_status::done);
    EXPECT_EQ(r.bytes, 7u);
    EXPECT_EQ(received.substr(received.size() - 8), "xthe end");
  }
}

TEST(suio_and_signals, an_interrupted_blocking_input_goes_on) {
  two_fds fds = make_pipe(0);
  suio s;
  io_result r;
  interrupt_inside([&] { r = s.input(fds.read); },
                   [&] { EXPECT_EQ(::write(fds.write, "abc", 3), 3); });
  EXPECT_EQ(r.status, io_status::done);
  EXPECT_EQ(contents(s), "abc");
}

}  // namespace
}  // namespace async::test
