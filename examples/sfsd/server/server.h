// The server: accepts clients, keeps count of them, drops those that are silent for too long, and
// ends well. Serves stages 1 and 2.
//
// Thread safety: default color, except note_drop() and forget(), which may be called from any.
// Invariant: every connection that is not closed is in the list.
#pragma once

#include <boost/intrusive/list.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "async/net.h"
#include "async/timer.h"
#include "examples/sfsd/channel/handshake.h"
#include "examples/sfsd/nfs/service.h"
#include "examples/sfsd/server/coloring.h"
#include "examples/sfsd/server/connection.h"

namespace sfs {

struct server_limits {
  std::size_t max_clients = 1024;
  std::chrono::seconds handshake{10};  // to be done with it
  std::chrono::seconds idle{600};      // without a byte either way
  std::chrono::seconds parting{2};     // to close its half when ours is closed
  std::chrono::seconds grace{5};       // from SIGTERM to the end, whatever clients are doing
};

class server {
 public:
  // Everything given must outlive the server.
  server(export_tree& tree, const server_settings& settings, parallel steps,
         const server_limits& limits, bool verbose);
  ~server();

  // Takes over a listening socket.
  void accept_on(int listening_fd);

  // Stops accepting, lets clients' present requests finish, says goodbye, and then stops the
  // runtime. A second call stops it at once.
  void end();

  // Tells the operator, if he wants to know, why a client was dropped.
  void note_drop(const char* why) const;

  // The connection is closed.
  void forget(const async::ref<connection>& c);

  std::size_t clients() const noexcept { return connections_.size(); }

 private:
  void accepted(int fd);
  void sweep();
  void forgotten(connection& c);

  service nfs_;
  const server_settings& settings_;
  parallel steps_;
  server_limits limits_;
  bool verbose_;
  bool ending_ = false;
  async::acceptor door_;
  async::timecb_t sweep_timer_;
  connection::clock::time_point last_sweep_ = connection::clock::now();
  boost::intrusive::list<connection> connections_;  // each is held by a count
};

}  // namespace sfs
