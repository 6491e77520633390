// The server: accepts clients, keeps count of them, drops those that are silent for too long, and
// ends well. Serves stages 1 and 2.
//
// Thread safety: default color, except where it says that any thread may call.
// Invariant: every connection that is not closed is in the list.
#pragma once

#include <boost/intrusive/list.hpp>
#include <chrono>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

#include "async/blocking.h"
#include "async/net.h"
#include "async/timer.h"
#include "examples/sfsd/channel/handshake.h"
#include "examples/sfsd/nfs/service.h"
#include "examples/sfsd/server/coloring.h"
#include "examples/sfsd/server/connection.h"
#include "examples/sfsd/server/leases.h"
#include "examples/sfsd/server/sessions.h"
#include "examples/sfsd/users/login.h"
#include "examples/sfsd/users/user_table.h"

namespace sfs {

struct server_limits {
  std::size_t max_clients = 1024;
  std::size_t files_kept_open = 4096;  // for all of them together
  std::chrono::seconds handshake{10};  // to be done with it
  std::chrono::seconds idle{600};      // without a byte either way
  std::chrono::seconds parting{2};     // to close its half when ours is closed
  std::chrono::seconds grace{5};       // from SIGTERM to the end, whatever clients are doing
  unsigned disk_threads = 16;          // that wait for disks
  std::chrono::seconds lease{30};      // how long attributes are good that a client was given
};

class server {
 public:
  // Everything given must outlive the server.
  server(export_tree& tree, const server_settings& settings, parallel steps,
         const server_limits& limits, bool verbose);

  // Who may log in, from now on; those who have logged in and may not any more are dropped.
  void use_users(std::shared_ptr<const user_table> users);
  ~server();

  // Takes over a listening socket.
  void accept_on(int listening_fd);

  // Stops accepting, lets clients' present requests finish, says goodbye, and then stops the
  // runtime. A second call stops it at once.
  void end();

  // Tells the operator, if he wants to know, why a client was dropped, and who has logged in or was
  // not let in. Any thread.
  void note_drop(const connection& c, const char* why) const;
  void note_login(const connection& c, const principal& who) const;
  void note_refused_login(const connection& c) const;

  // The connection is closed. Any thread.
  void forget(const async::ref<connection>& c);

  // The connection is destroyed; it had the session of this client, or had asked for it. Any
  // thread.
  void give_back(const client_number& client, connection_number who,
                 std::unique_ptr<client_session> s);

  // For connections: what all clients share. The default color, except where it says so.
  lease_table& leases() noexcept { return leases_; }
  async::blocking_pool& pool() noexcept { return pool_; }                             // any thread
  std::counting_semaphore<>& files_kept_open() noexcept { return files_kept_open_; }  // any thread
  service& nfs() noexcept { return nfs_; }
  const server_settings& settings() const noexcept { return settings_; }
  const async::ref<const principal>& anonymous() const noexcept {
    return anonymous_;
  }  // any thread
  parallel steps() const noexcept { return steps_; }
  unsigned lease_seconds() const noexcept;
  void run_number(char to[SFS_RUNSIZE]) const noexcept;  // any thread
  void claim_session(const client_number& client, connection_number who, session_table::taker take);

  // Whether the sender of a LOGIN on the channel of this session has the key. Any thread.
  bool proves(const LOGINargs& login, const session_id& session) const;
  async::ptr<const principal> find_user(const ed25519_public& key);

  std::size_t clients() const noexcept { return connections_.size(); }

 private:
  void accepted(int fd);
  void sweep();
  void forgotten(connection& c);
  void check_users();
  std::shared_ptr<const user> account_of(const ed25519_public& key) const;

  service nfs_;
  async::ref<const principal> anonymous_ = make_anonymous();
  lease_table leases_;
  session_table sessions_;
  std::counting_semaphore<> files_kept_open_;  // how many more may be
  std::shared_ptr<const user_table> users_;    // may be null
  std::array<char, SFS_RUNSIZE> run_{};
  connection_number last_number_ = 0;
  const server_settings& settings_;
  parallel steps_;
  server_limits limits_;
  bool verbose_;
  bool ending_ = false;
  async::acceptor door_;
  async::timecb_t sweep_timer_;
  connection::clock::time_point last_sweep_ = connection::clock::now(), last_check_ = last_sweep_;
  boost::intrusive::list<connection> connections_;  // each is held by a count
  async::blocking_pool pool_;                       // behind all that what it carries out uses
};

}  // namespace sfs
