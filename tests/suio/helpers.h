// What the tests of suio share: looking at the bytes, owners that tell when they die, fds.
//
// Serves stage 6 (output). Not thread-safe, but for what says so.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "suio/suio.h"
#include "wrap/refcnt.h"
#include "wrap/wrap.h"

namespace async::test {

inline std::string contents(const suio& s) {
  std::string bytes(s.resid(), '\0');
  EXPECT_EQ(s.copyout(bytes.data(), bytes.size()), bytes.size());
  return bytes;
}

// The invariants of suio.h that can be seen from outside.
inline void expect_consistent(const suio& s) {
  std::size_t sum = 0;
  for (const iovec& range : s.iov()) {
    EXPECT_GT(range.iov_len, 0u);
    sum += range.iov_len;
  }
  EXPECT_EQ(sum, s.resid());
  EXPECT_EQ(s.empty(), s.iov().empty());
}

// `bytes` bytes that don't repeat with a power of two.
inline std::string pattern(std::size_t bytes, std::size_t start = 0) {
  std::string made(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) made[i] = static_cast<char>('!' + (start + i) % 89);
  return made;
}

// Owns bytes, and runs a function when it dies.
template <class F>
class owner final : public refcount {
 public:
  owner(std::string bytes, F when_gone)
      : bytes_(std::move(bytes)), when_gone_(std::move(when_gone)) {}
  const std::string& bytes() const { return bytes_; }

 private:
  ~owner() override { when_gone_(); }
  std::string bytes_;
  F when_gone_;
};

template <class F>
ref<owner<F>> make_owner(std::string bytes, F when_gone) {
  return make_ref<owner<F>>(std::move(bytes), std::move(when_gone));
}

template <class Owner>
void print_owned(suio& s, const ref<Owner>& o) {
  s.print(o->bytes().data(), o->bytes().size(), o);
}

// The two ends of something; closed at the end.
struct two_fds {
  int read = -1;
  int write = -1;

  two_fds(int read_end, int write_end) : read(read_end), write(write_end) {}
  two_fds(two_fds&& other) noexcept
      : read(std::exchange(other.read, -1)), write(std::exchange(other.write, -1)) {}
  ~two_fds() {
    close_read();
    if (write >= 0) ::close(write);
  }
  void close_read() {
    if (read >= 0) ::close(std::exchange(read, -1));
  }
  void close_write() {
    if (write >= 0) ::close(std::exchange(write, -1));
  }
};

inline two_fds make_pipe(int flags = O_NONBLOCK) {
  int fds[2];
  EXPECT_EQ(::pipe2(fds, flags | O_CLOEXEC), 0);
  return {fds[0], fds[1]};
}

inline two_fds make_socketpair(int flags = SOCK_NONBLOCK) {
  int fds[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, fds), 0);
  return {fds[0], fds[1]};
}

// What can be read from `fd` now.
inline std::string drain(int fd) {
  std::string got;
  char buffer[4096];
  for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;)
    got.append(buffer, static_cast<std::size_t>(n));
  return got;
}

}  // namespace async::test
