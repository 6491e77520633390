// Making sockets: see net.h. Serves stage 2.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "async/address.h"
#include "async/net.h"

namespace async {

namespace {

constexpr int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;

// Closes fd and keeps errno.
int fail(int fd) noexcept {
  const int saved = errno;
  if (fd >= 0) close(fd);
  errno = saved;
  return -1;
}

int set_option(int fd, int level, int name, int value) noexcept {
  return setsockopt(fd, level, name, &value, sizeof value);
}

int bound_socket(int type, const address& local, bool all_families, port_use use) noexcept {
  const int fd = socket(local.family(), type | flags, 0);
  if (fd < 0) return -1;
  if ((type & SOCK_STREAM) == SOCK_STREAM && set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0) {
    return fail(fd);
  }
  if (use == port_use::shared && set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0) return fail(fd);
  // The system's default for IPV6_V6ONLY is a setting: say what is meant.
  if (local.family() == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !all_families) < 0) {
    return fail(fd);
  }
  return bind(fd, local.get(), local.size()) < 0 ? fail(fd) : fd;
}

int unix_address(const std::string& path, sockaddr_un& result) noexcept {
  result = {};
  result.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof result.sun_path) {
    errno = path.empty() ? ENOENT : ENAMETOOLONG;
    return -1;
  }
  std::memcpy(result.sun_path, path.data(), path.size());
  return 0;
}

int listening(int fd, int backlog) noexcept {
  return fd >= 0 && listen(fd, backlog) < 0 ? fail(fd) : fd;
}

}  // namespace

int inetsocket(int type, int number, const std::string& where, port_use use) noexcept {
  address local;
  const auto port = static_cast<std::uint16_t>(number);
  if (port != number || (!where.empty() && !local.parse(where, port))) {
    errno = EINVAL;
    return -1;
  }
  if (where.empty()) {
    const int fd = local.parse("::", port) ? bound_socket(type, local, true, use) : -1;
    if (fd >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)) return fd;
    return local.parse("0.0.0.0", port) ? bound_socket(type, local, false, use) : -1;
  }
  return bound_socket(type, local, false, use);
}

int tcp_listen(int port, const std::string& where, int backlog, port_use use) noexcept {
  return listening(inetsocket(SOCK_STREAM, port, where, use), backlog);
}

std::uint16_t local_port(int fd) noexcept {
  address local;
  return local.of_socket(fd) ? local.port() : 0;
}

int unixsocket_listen(const std::string& path, int backlog) noexcept {
  sockaddr_un local;
  if (unix_address(path, local) < 0) return -1;
  const int fd = socket(AF_UNIX, SOCK_STREAM | flags, 0);
  if (fd < 0) return -1;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) < 0) return fail(fd);
  return listening(fd, backlog);
}

int unixsocket_connect(const std::string& path) noexcept {
  sockaddr_un peer;
  if (unix_address(path, peer) < 0) return -1;
  const int fd = socket(AF_UNIX, SOCK_STREAM | flags, 0);
  if (fd < 0) return -1;
  int result;
  do {
    result = connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof peer);
  } while (result < 0 && errno == EINTR);
  return result < 0 ? fail(fd) : fd;
}

}  // namespace async
