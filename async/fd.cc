// File descriptors: see fd.h. Serves stages 1 and 2.
#include "async/fd.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "async/detail/select_loop.h"

namespace async {

namespace {

std::error_code status(int result) noexcept {
  return {result < 0 ? errno : 0, std::system_category()};
}

}  // namespace

std::error_code fdcb(int fd, selop op, callback<void>::ptr cb) {
  return detail::loop_for_current_color().watch(fd, op, std::move(cb));
}

std::error_code make_async(int fd) noexcept {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return status(-1);
  return status((flags & O_NONBLOCK) != 0 ? 0 : fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

std::error_code close_on_exec(int fd) noexcept { return status(fcntl(fd, F_SETFD, FD_CLOEXEC)); }

std::error_code tcp_nodelay(int fd) noexcept {
  const int on = 1;
  return status(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}

}  // namespace async
