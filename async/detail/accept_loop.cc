// See accept_loop.h. Serves stages 1 and 2.
#include "async/detail/accept_loop.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "async/err.h"
#include "async/fd.h"

namespace async::detail {

using namespace std::chrono_literals;

namespace {

// How many connections one event accepts, before other fds have their turn.
constexpr int batch = 64;

constexpr auto retry_after = 100ms;

enum class verdict { try_next, wait, no_room, give_up };

// What accept4(2) says of errno.
verdict judge(int error) noexcept {
  switch (error) {
    case EAGAIN:
      return verdict::wait;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return verdict::no_room;
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

std::error_code accept_loop::start() {
  const std::lock_guard lock(mutex_);
  return paused_ ? std::error_code() : watch();
}

std::error_code accept_loop::watch() {
  return fdcb(fd_, selread, wrap_like(from_, mkref(this), &accept_loop::accept_some));
}

void accept_loop::stop() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(stopped_, true)) return;
  fdcb(fd_, selread, nullptr);
  timecb_remove(std::exchange(retry_, nullptr));
  if (fd_ >= 0) close(fd_);
}

void accept_loop::pause() {
  const std::lock_guard lock(mutex_);
  if (stopped_ || std::exchange(paused_, true) || retry_) return;
  fdcb(fd_, selread, nullptr);
}

void accept_loop::resume() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(paused_, false) && !stopped_ && !retry_) watch_or_tell();
}

int accept_loop::accept_one(peer_address& peer) noexcept {
  const std::lock_guard lock(mutex_);
  if (stopped_ || paused_) return -EAGAIN;
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  const int fd = accept4(fd_, address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return -errno;
  peer = peer_address(address, size);
  return fd;
}

void accept_loop::accept_some() {
  for (int n = 0; n < batch; ++n) {
    peer_address peer;
    const int fd = accept_one(peer);
    if (fd >= 0) {
      take_(fd, peer);
    } else if (judge(-fd) != verdict::try_next) {
      handle(-fd);
      return;
    }
  }
}

void accept_loop::handle(int error) {
  if (judge(error) == verdict::wait) return;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    fdcb(fd_, selread, nullptr);
    if (judge(error) == verdict::no_room) return wait_for_room(error);
  }
  errno = error;
  take_(-1, peer_address());
}

void accept_loop::wait_for_room(int error) {
  retry_ = delaycb(retry_after, wrap_like(from_, mkref(this), &accept_loop::try_again));
  if (const auto others = complaint_.once_more()) {
    warn("accepting pauses: %s%s", std::strerror(error), others->c_str());
  }
}

void accept_loop::try_again() {
  const std::lock_guard lock(mutex_);
  retry_ = nullptr;
  if (!stopped_ && !paused_) watch_or_tell();
}

void accept_loop::watch_or_tell() {
  if (const auto status = watch()) {
    cpucb(wrap_like(from_, mkref(this), &accept_loop::handle, status.value()));
  }
}

}  // namespace async::detail
