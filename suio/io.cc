// suio::output and suio::input on the real kernel, and how output() keeps SIGPIPE away.
//
// Serves stage 6 (output). Thread-safety: that of the suio. Invariant: the calling thread's signal
// mask is as it was when anything but a system call runs.
//
// SIGPIPE: a socket is written with sendmsg(MSG_NOSIGNAL). For what is not a socket there is no
// such flag, so the signal is blocked during each writev and, if it came, taken back. That is sound
// because the kernel sends it to the writing thread alone. A thread that has SIGPIPE
// blocked already is left to look after it itself.
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "suio/detail/io.h"
#include "suio/suio.h"

namespace async {
namespace {

// SIGPIPE is blocked in this thread while this lives, and one that came is taken back.
class sigpipe_blocked {
 public:
  sigpipe_blocked() noexcept {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  sigpipe_blocked(const sigpipe_blocked&) = delete;
  sigpipe_blocked& operator=(const sigpipe_blocked&) = delete;
  ~sigpipe_blocked() {
    if (sigismember(&before_, SIGPIPE) != 0) return;
    if (came_) {
      const timespec at_once{};
      while (sigtimedwait(&sigpipe_, nullptr, &at_once) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  void came() noexcept { came_ = true; }

 private:
  sigset_t sigpipe_;
  sigset_t before_;
  bool came_ = false;
};

ssize_t writev_without_sigpipe(int fd, const iovec* ranges, int count) noexcept {
  ssize_t written;
  int error;
  {
    sigpipe_blocked guard;
    written = ::writev(fd, ranges, count);
    error = errno;
    if (written < 0 && error == EPIPE) guard.came();
  }
  errno = error;
  return written;
}

// One range, which is the rule, has a call that costs the kernel less than a message does.
ssize_t send_ranges(int fd, iovec* ranges, int count) noexcept {
  if (count == 1) return ::send(fd, ranges->iov_base, ranges->iov_len, MSG_NOSIGNAL);
  msghdr message{};
  message.msg_iov = ranges;
  message.msg_iovlen = static_cast<std::size_t>(count);
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

}  // namespace

io_result suio::output(int fd, std::size_t max) {
  bool is_socket = true;  // until the kernel says otherwise
  return detail::io_access::output(*this, max, [&](iovec* ranges, int count) noexcept {
    if (is_socket) {
      const ssize_t written = send_ranges(fd, ranges, count);
      if (written >= 0 || errno != ENOTSOCK) return written;
      is_socket = false;
    }
    return writev_without_sigpipe(fd, ranges, count);
  });
}

io_result suio::input(int fd, std::size_t max) {
  return detail::io_access::input(*this, max, [fd](const iovec* ranges, int count) noexcept {
    return count == 1 ? ::read(fd, ranges->iov_base, ranges->iov_len) : ::readv(fd, ranges, count);
  });
}

}  // namespace async
