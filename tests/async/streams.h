// What the tests of streams share: the two ends of a connection, and words for what a read brought.
//
// Serves no stage: the tests of 2 and 6 use it. Thread-safety: none.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <utility>

#include "async/aios.h"
#include "tests/async/helpers.h"

namespace async::test {

// Both ends of a connection.
struct connected {
  explicit connected(int type = SOCK_STREAM) {
    int fds[2];
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0) std::abort();
    ours = fds[0];
    peer = fds[1];
  }
  ~connected() { end_peer(); }
  void send(std::string_view bytes) const {
    if (::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size())) {
      std::abort();
    }
  }
  std::string receive(std::size_t bytes) const {
    std::string got(bytes, 0);
    const ssize_t n = recv(peer, got.data(), bytes, MSG_WAITALL);
    got.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return got;
  }
  void end_peer() {
    if (peer >= 0) close(std::exchange(peer, -1));
  }
  int ours, peer;
};

inline std::string status_name(aios_status s) {
  const char* const names[] = {"done", "eof", "too_long", "timed_out", "error"};
  return names[static_cast<int>(s)];
}
// "done:BYTES" and the like.
inline std::string told(aios_read& r) {
  return status_name(r.status()) + ':' + std::string(r.text());
}

}  // namespace async::test
