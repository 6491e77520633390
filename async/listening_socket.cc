// Sockets that listen where a person said: see server.h. Serves stage 2.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "async/server.h"

namespace async {

namespace {

// Listens at a path; takes the place of a socket at which nobody listens any more.
int listen_at_path(const std::string& path) noexcept {
  int fd = unixsocket_listen(path);
  if (fd >= 0 || errno != EADDRINUSE) return fd;
  struct stat status;
  if (lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
    const int other = unixsocket_connect(path);
    const bool is_left_over = other < 0 && errno == ECONNREFUSED;
    if (other >= 0) close(other);
    if (is_left_over && unlink(path.c_str()) == 0) return unixsocket_listen(path);
  }
  errno = EADDRINUSE;
  return -1;
}

// A number from 0 to 65535, or -1.
int port_number(std::string_view text) noexcept {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool good = error == std::errc() && end == text.data() + text.size() && number <= 65535;
  return good ? static_cast<int>(number) : -1;
}

}  // namespace

int listening_socket(const std::string& where, port_use use) noexcept {
  if (where.find('/') != std::string::npos) return listen_at_path(where);
  const std::size_t colon = where.rfind(':');
  const bool has_host = colon != std::string::npos;
  std::string host = has_host ? where.substr(0, colon) : std::string();
  const int port = port_number(std::string_view(where).substr(has_host ? colon + 1 : 0));
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool has_colons = host.find(':') != std::string::npos;
  if (port < 0 || bracketed != has_colons || (has_host && host.empty())) {
    errno = EINVAL;
    return -1;
  }
  return tcp_listen(port, host, 4096, use);
}

std::size_t room_for_connections(std::size_t reserve) noexcept {
  rlimit fds;
  if (getrlimit(RLIMIT_NOFILE, &fds) < 0) return SIZE_MAX;
  if (fds.rlim_cur < fds.rlim_max) {
    const rlim_t before = std::exchange(fds.rlim_cur, fds.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &fds) < 0) fds.rlim_cur = before;
  }
  if (fds.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
  return fds.rlim_cur - std::min<rlim_t>(reserve, fds.rlim_cur / 2);
}

}  // namespace async
