// Accepting connections: see net.h. Serves stages 1 and 2.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <mutex>
#include <system_error>
#include <utility>

#include "async/detail/wrap_like.h"
#include "async/fd.h"
#include "async/net.h"
#include "async/timer.h"

namespace async {

using namespace std::chrono_literals;

namespace {

// How many connections one event accepts, before other fds have their turn.
constexpr int batch = 64;

constexpr auto pause_time = 100ms;

enum class verdict { try_next, wait, pause, give_up };

// What accept4(2) says of errno.
verdict judge(int error) noexcept {
  switch (error) {
    case EAGAIN:
      return verdict::wait;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return verdict::pause;
    case EINTR:
    // The connection was gone before it was accepted, or the network told us of its errors here.
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
      return verdict::try_next;
    default:
      return verdict::give_up;
  }
}

}  // namespace

// Runs under cb's color, but for start() and stop(). The lock is there for stop(), which may come
// from any thread and takes the fd away; it is not held while cb runs.
class acceptor::impl : public refcount {
 public:
  impl(int fd, callback<void, int>::ref cb) : from_(*cb), callback_(std::move(cb)), fd_(fd) {}

  std::error_code start();
  void stop();

 private:
  void accept_some();
  void resume();
  std::error_code watch();  // under mutex_
  void handle(int error);
  void call(int fd_or_error);
  int accept_one() noexcept;  // an fd, or a negative errno

  const detail::origin from_;
  const callback<void, int>::ref callback_;

  std::mutex mutex_;

  // Guarded by mutex_.
  int fd_;
  bool stopped_ = false;  // then fd_ is closed
  timecb_t pause_;
};

std::error_code acceptor::impl::start() {
  const std::lock_guard lock(mutex_);
  return watch();
}

std::error_code acceptor::impl::watch() {
  return fdcb(fd_, selread, detail::wrap_like(from_, mkref(this), &impl::accept_some));
}

void acceptor::impl::stop() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(stopped_, true)) return;
  fdcb(fd_, selread, nullptr);
  timecb_remove(std::exchange(pause_, nullptr));
  if (fd_ >= 0) close(fd_);
}

int acceptor::impl::accept_one() noexcept {
  const std::lock_guard lock(mutex_);
  if (stopped_) return -EAGAIN;
  const int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

void acceptor::impl::accept_some() {
  for (int n = 0; n < batch; ++n) {
    const int fd = accept_one();
    if (fd >= 0) {
      callback_(fd);
    } else if (judge(-fd) != verdict::try_next) {
      handle(-fd);
      return;
    }
  }
}

void acceptor::impl::handle(int error) {
  if (judge(error) == verdict::wait) return;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    fdcb(fd_, selread, nullptr);
    if (judge(error) == verdict::pause) {
      pause_ = delaycb(pause_time, detail::wrap_like(from_, mkref(this), &impl::resume));
      return;
    }
  }
  errno = error;
  callback_(-1);
}

void acceptor::impl::resume() {
  const std::lock_guard lock(mutex_);
  pause_ = nullptr;
  if (stopped_) return;
  if (const auto status = watch()) {
    cpucb(detail::wrap_like(from_, mkref(this), &impl::handle, status.value()));
  }
}

acceptor::acceptor(int listening_fd, callback<void, int>::ref cb) {
  if (listening_fd < 0) return;
  ptr<impl> made = make_ref<impl>(listening_fd, std::move(cb));
  if (const auto status = made->start()) {
    made->stop();
    made = nullptr;
    errno = status.value();
  } else {
    impl_ = std::move(made);
  }
}

acceptor& acceptor::operator=(acceptor&& other) noexcept {
  acceptor old(std::move(*this));
  impl_ = std::move(other.impl_);
  return *this;
}

acceptor::~acceptor() {
  if (impl_) static_cast<impl&>(*impl_).stop();
}

}  // namespace async
