// What the tests of async/ share: pipes, and running each test with one and with two CPUs.
//
// Serves no stage: the tests of 1 to 3 use it. Thread-safety: none, but what is said below.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "async/async.h"
#include "tests/support/support.h"

namespace async::test {

// The fds that this process has open, and what each is.
inline std::set<std::string> open_fds() {
  std::set<std::string> all;
  for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the iterator's own
    const std::string what = std::filesystem::read_symlink(fd.path(), gone);
    if (!gone && !what.ends_with("/fd")) all.insert(fd.path().filename().string() + " " + what);
  }
  return all;
}

// A pipe whose two ends do not block. The ends have to be cleared by the test.
class test_pipe {
 public:
  test_pipe() {
    int fds[2];
    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0) std::abort();
    in_ = fds[0];
    out_ = fds[1];
  }
  ~test_pipe() {
    close_in();
    close_out();
  }
  test_pipe(const test_pipe&) = delete;
  test_pipe& operator=(const test_pipe&) = delete;

  int in() const { return in_; }
  int out() const { return out_; }
  // Any thread.
  void put(char c = 'x') const {
    if (write(out_, &c, 1) != 1) std::abort();
  }
  // The next byte, or -1 if there is none (now, or any more). Any thread.
  int get() const {
    unsigned char c;
    return read(in_, &c, 1) == 1 ? c : -1;
  }
  void fill() const {
    const std::string block(4096, 'x');
    while (write(out_, block.data(), block.size()) > 0) {}
  }
  void drain() const {
    char block[4096];
    while (read(in_, block, sizeof block) > 0) {}
  }
  void close_in() {
    if (in_ >= 0) close(std::exchange(in_, -1));
  }
  void close_out() {
    if (out_ >= 0) close(std::exchange(out_, -1));
  }

 private:
  int in_, out_;
};

// The number of an fd that is not open. The loop has its own fds by then, so it does not get it.
inline int closed_fd() {
  select_waiter().poll();
  const int fd = dup(STDIN_FILENO);
  close(fd);
  return fd;
}

// Counts its living instances: to be bound, to see when a callback is destroyed.
class counted_value {
 public:
  explicit counted_value(int& alive) : alive_(&alive) { ++*alive_; }
  counted_value(const counted_value& other) : alive_(other.alive_) { ++*alive_; }
  ~counted_value() { --*alive_; }
  counted_value& operator=(const counted_value&) = delete;

 private:
  int* alive_;
};

// A port on which nobody listens.
inline std::uint16_t closed_port() {
  const int fd = tcp_listen(0, "127.0.0.1");
  const std::uint16_t port = local_port(fd);
  close(fd);
  return port;
}

// Tests that run with one CPU and with two, where there may be more than one.
class each_cpu_count : public testing::TestWithParam<unsigned> {
 protected:
  run_summary run() { return amain({.cpus = GetParam()}); }
};

#if defined(ASYNC_UNIPROCESSOR)
inline constexpr unsigned cpu_counts[] = {1};
#else
inline constexpr unsigned cpu_counts[] = {1, 2};
#endif

#define ASYNC_TEST_EACH_CPU_COUNT(suite)                                            \
  INSTANTIATE_TEST_SUITE_P(cpus, suite, testing::ValuesIn(async::test::cpu_counts), \
                           [](const auto& info) { return std::to_string(info.param); })

}  // namespace async::test
