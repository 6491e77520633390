#pragma once
// The client of the request/response benchmarks, the same for every server: a process of its own,
// on the CPUs that the server leaves, as cheap as can be, so that the server is what is measured.
// Each connection has one request of 64 bytes under way; for each reply of 64 bytes that has come
// the next request is sent. The client never sleeps in epoll_wait or on a socket, so that no server
// pays for waking it: it looks again and again, or at intervals (`pace`) where it shares a CPU.
// Serves no stage: it is the load of stages 1 and 2.
//
// Thread safety: for one thread; no other thread may run while the client is made, for it forks.

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "bench/support/measure.h"

namespace bench {

inline constexpr std::size_t message_size = 64;

/// What is between client and server.
enum class transport { tcp, unix_socket };

struct client_options {
  transport over = transport::tcp;
  std::size_t connections = 64;
  unsigned server_cpus = 1;
  /// Microseconds between two looks; 0 means to look all the time.
  unsigned pace_us = 0;
};

/// Connects to this process and sends `requests` requests, a tenth more before them to warm up.
class client {
 public:
  client(const client_options& options, std::size_t requests);
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// The server's ends, non-blocking; whoever serves them closes them when the client has.
  const std::vector<int>& server_fds() const { return server_fds_; }

  /// Waits for the client's end. The time from the last reply of the warming up to the last of all,
  /// and the CPU time of this process meanwhile. Throws if the client failed.
  timing result();

 private:
  struct report;

  std::vector<int> server_fds_;
  report* report_;
  pid_t pid_ = -1;
};

}  // namespace bench
