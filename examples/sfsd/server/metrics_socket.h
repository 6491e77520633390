// Tells the server's metrics to whoever connects to a Unix socket: the owner of the server, and
// root. The answer is an HTTP/1.0 response, whatever was asked, so that what speaks HTTP can ask:
//
//     curl --unix-socket /run/sfsd/metrics http://localhost/metrics
//
// Serves stages 1, 5 and 6.
//
// Thread safety: one color (the default color).
// Invariant: at most `most` are served at a time, each for a few seconds.
#pragma once

#include <functional>
#include <string>

#include "async/net.h"

namespace sfs {

class metrics_socket {
 public:
  // Listens at `path`, in the place of a socket at which nobody listens any more. `text` makes the
  // metrics. Check why_not() for why it does not listen.
  metrics_socket(std::string path, std::function<std::string()> text);
  // Takes the socket away.
  ~metrics_socket();
  metrics_socket(const metrics_socket&) = delete;
  metrics_socket& operator=(const metrics_socket&) = delete;

  // Empty if it listens.
  const std::string& why_not() const noexcept { return why_not_; }

 private:
  void accepted(int fd);

  std::string path_, why_not_;
  std::function<std::string()> text_;
  async::acceptor door_;
};

}  // namespace sfs
