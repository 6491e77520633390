// Who signs logins for a client: a key file that was loaded, or the agent (sfsagent), which holds
// keys that were unlocked once. And the client's side of the agent. It blocks, for a bounded time;
// serves no stage.
//
// Thread safety: one thread at a time for each signer.
// Invariant: a signature that is returned is good for what was asked.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/users/login.h"
#include "examples/sfsd/users/user_key.h"

namespace sfs {

class login_signer {
 public:
  virtual ~login_signer() = default;
  virtual const public_line& who() const noexcept = 0;
  virtual outcome<ed25519_signature> sign(const login_statement& statement) = 0;
};

std::unique_ptr<login_signer> signer_with(user_key key);

// $XDG_RUNTIME_DIR/sfs-agent; empty if there is no such directory.
std::string default_agent_socket();

inline constexpr std::chrono::milliseconds agent_timeout{5000};

// A signer for each key of the agent that listens at `path`; none if no agent does. The agent is
// asked again for each signature, so it may be restarted meanwhile; each time it must be of the
// same user as we, or of root. Fails if there is one that does not answer well, or in time.
outcome<std::vector<std::unique_ptr<login_signer>>> agent_signers(
    const std::string& path, std::chrono::milliseconds timeout = agent_timeout);

// The user of the process at the other end of a Unix socket; fails with why.
outcome<uid_t> peer_user(int socket);

}  // namespace sfs
