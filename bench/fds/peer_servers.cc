// The request/response server on bare libev and on raw epoll, and what all servers have in common;
// see servers.h.

#include <ev.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>
#include <stdexcept>

#include "bench/fds/servers.h"

namespace bench {

bool connection::serve() {
  const ssize_t n = read(fd_, request_ + received_, message_size - received_);
  if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR);
  received_ += static_cast<std::size_t>(n);
  if (received_ < message_size) return true;
  received_ = 0;
  if (compute_ != nullptr) (*compute_)();
  // A client with one request under way always has room for its reply.
  return write(fd_, request_, message_size) == static_cast<ssize_t>(message_size);
}

namespace {

struct libev_connection : connection {
  using connection::connection;

  ev_io readable;
  std::size_t* open;
};

void on_readable(struct ev_loop* loop, ev_io* watcher, int) {
  auto* served = static_cast<libev_connection*>(watcher->data);
  if (served->serve()) return;
  ev_io_stop(loop, watcher);
  close(served->fd());
  if (--*served->open == 0) ev_break(loop, EVBREAK_ALL);
}

}  // namespace

void serve_on_libev(const std::vector<int>& fds, const work* compute) {
  struct ev_loop* loop = ev_loop_new(EVBACKEND_EPOLL);
  if (loop == nullptr) throw std::runtime_error("no libev loop");
  std::deque<libev_connection> connections;
  std::size_t open = fds.size();
  for (const int fd : fds) {
    libev_connection& made = connections.emplace_back(fd, compute);
    made.open = &open;
    ev_io_init(&made.readable, &on_readable, fd, EV_READ);
    made.readable.data = &made;
    ev_io_start(loop, &made.readable);
  }
  ev_run(loop, 0);
  ev_loop_destroy(loop);
}

void serve_on_epoll(const std::vector<int>& fds, const work* compute) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::deque<connection> connections;
  for (const int fd : fds) {
    epoll_event interest{};
    interest.events = EPOLLIN;
    interest.data.ptr = &connections.emplace_back(fd, compute);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest) != 0)
      throw std::runtime_error("epoll_ctl failed");
  }
  std::array<epoll_event, 256> ready;
  for (std::size_t open = fds.size(); open > 0;) {
    const int count = epoll_wait(epoll, ready.data(), static_cast<int>(ready.size()), -1);
    for (int i = 0; i < count; i++) {
      auto* served = static_cast<connection*>(ready[static_cast<std::size_t>(i)].data.ptr);
      if (served->serve()) continue;
      close(served->fd());
      open--;
    }
  }
  close(epoll);
}

}  // namespace bench
