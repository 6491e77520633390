// The gateway: gives the NFS clients of this machine, which know nothing of channels, what one
// server's session has. Their calls get new xids and, in place of their claims of who they are, the
// session's user; replies go back with the client's xids. Serves stages 1, 2 and 5.
//
// GETATTR and ACCESS are answered from the lease cache while the server's lease lasts; every reply
// that passes feeds it. NULL, and what MOUNT keeps lists for, are answered here.
//
// Thread safety: one color (the default color) for all of it: the work is in the ciphers, for which
// one CPU is enough for a machine's own clients. To color it, give each local_client its own color
// and post called() and reply(); see server/ for how that is done.
// Invariants: a client that is not closed is in the list; each of its calls is answered once,
// unless it is closed before; nothing is answered that was not in the server's word.
#pragma once

#include <boost/intrusive/list.hpp>
#include <optional>
#include <string>
#include <vector>

#include "async/net.h"
#include "examples/sfsd/client/lease_cache.h"
#include "examples/sfsd/client/session.h"
#include "examples/sfsd/gateway/local_client.h"

namespace sfs {

struct gateway_options {
  std::size_t max_clients = 64;
  bool any_local_user = false;    // else only our own user and root
  std::chrono::seconds grace{5};  // from end() to the end, whatever is under way
  std::string refused;            // to be logged if the server allows anonymous clients nothing
  timing* time = &timing::real();
};

class gateway {
 public:
  // The session is made by it, with the events that it needs.
  gateway(const self_certifying_path& server, session_options session, gateway_options options);
  ~gateway();

  // Connects to the server, and calls `ready` when the first session is open.
  void begin(async::callback<void>::ref ready);

  // Takes over a listening socket.
  void accept_on(int listening_fd);

  // Takes no more calls, lets those that are under way finish, says goodbye to the server and stops
  // the runtime. A second call stops it at once.
  void end();

  // --- For local_client ---

  bool takes_calls() const noexcept { return !session_->full() && !ending_; }
  void called(local_client& from, local_call call);
  void became_quiet();
  void forget(local_client& c);

 private:
  void accepted(int fd);
  outcome<std::string> admit(int fd) const;
  void nfs_called(local_client& from, local_call call);
  void mount_called(local_client& from, local_call call);
  bool answer_from_cache(local_client& from, const local_call& call);
  void forward(local_client& from, local_call call);
  void answered(async::ref<local_client> to, rpc_call header, const call_reply& r);
  void mount_answered(const_bytes results);
  void session_opened();
  void session_silent();
  void session_lost(const std::string& why);
  void session_failed(const std::string& why);
  void session_has_room();
  void stop_now();

  self_certifying_path server_;
  gateway_options options_;
  lease_cache cache_;
  async::ptr<session> session_;
  async::callback<void>::ptr ready_;
  std::string last_loss_;
  bool connected_ = false, told_refused_ = false, ending_ = false, stopped_ = false;
  std::vector<async::acceptor> doors_;
  boost::intrusive::list<local_client> clients_;  // each is held by a count
};

}  // namespace sfs
