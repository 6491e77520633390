// The agent's side of the agent: clients on a Unix socket, of whom each gets one answer to each
// question (agent_protocol.h). Serves stages 1, 2, 5 and 6, all under the default color: what it
// does is little.
//
// A client that says something senseless, or whose time is over, is hung up on; so is one too many,
// and one that is another user's. While a client does not take an answer, it is not read from.
//
// Thread safety: default color.
// Invariants: a client holds at most one question and one answer; only those who may use the keys
// anyway (their owner, and root) are answered.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "async/net.h"
#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/users/user_key.h"

namespace sfs {

// A Unix socket that listens at `path`, mode 0600. One that an agent left behind is replaced; fails
// if an agent is there, or anything else.
outcome<fd_owner> listen_for_clients(const std::string& path);

class agent_server : public async::refcount {
 public:
  static constexpr std::size_t max_clients = 64;

  agent_server(std::vector<user_key> keys, std::chrono::seconds time_for_client)
      : keys_(std::move(keys)), time_for_client_(time_for_client) {}

  // Takes over a listening socket. Empty, or why it cannot.
  std::string serve(fd_owner listening);

  // Accepts no more and forgets the keys.
  void end();

 private:
  class client;
  void accepted(int fd);

  std::vector<user_key> keys_;
  std::chrono::seconds time_for_client_;
  std::size_t clients_ = 0;
  async::acceptor door_;
};

}  // namespace sfs
