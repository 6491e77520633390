#pragma once
// The server of the request/response benchmarks on the library, on bare libev and on raw epoll.
// What a connection does is written once, and the three differ in how it is called (stages 1, 2
// and 5).
//
// Usual best practice for the peers: watchers stay armed (level-triggered, no system call per
// event), one read and one write per request, the connection reached by a pointer in the watcher
// or in the event, up to 256 events taken per epoll_wait (libev grows its own batch by itself).
//
// Thread safety: each `serve_` function keeps the calling thread until all connections are closed.

#include <cstddef>
#include <vector>

#include "bench/fds/client.h"
#include "bench/support/work.h"

namespace bench {

/// One connection of the server under test, whatever calls it.
class connection {
 public:
  /// `compute`, if not null, is done for each request.
  connection(int fd, const work* compute) : fd_(fd), compute_(compute) {}

  int fd() const { return fd_; }

  /// Reads what has come, and replies to a whole request. False when the client has closed.
  bool serve();

 private:
  int fd_;
  std::size_t received_ = 0;
  const work* compute_;
  char request_[message_size];
};

/// On the library. With several CPUs each connection has a color of its own.
void serve_on_ours(const std::vector<int>& fds, const work* compute, unsigned cpus);
/// The same, with a buffered stream for each connection.
void serve_on_streams(const std::vector<int>& fds, const work* compute, unsigned cpus);
/// On one CPU.
void serve_on_libev(const std::vector<int>& fds, const work* compute);
/// On one CPU.
void serve_on_epoll(const std::vector<int>& fds, const work* compute);

}  // namespace bench
