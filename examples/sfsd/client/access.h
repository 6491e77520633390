// What a client program is told on its command line about the server and about who we are: which
// keys to log in with, and which servers not to trust any more. Serves no stage; it blocks, perhaps
// to ask for a passphrase.
//
// Thread safety: one thread, at a program's start.
// Invariant: nothing is sent to a server that is known to be revoked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/channel/suite.h"
#include "examples/sfsd/client/channel.h"
#include "examples/sfsd/users/agent.h"

namespace sfs {

// For the help of each such program.
inline constexpr const char* access_help =
    R"(  --user-key FILE       log in with this key, made by sfskey gen --user (default: the keys
                        that sfsagent holds, else ~/.config/sfs/user.key if it is there)
  --passphrase-file FILE  has the passphrase of that key; else it is asked for
  --no-login            be nobody: an anonymous client
  --revocations DIR     certificates of servers that must not be trusted any more (default:
                        ~/.config/sfs/revoked and /etc/sfs/revoked)
  --suite NAMES         suites to ask for, best first, separated by commas
                        (default: aes-128-gcm,chacha20-poly1305,aes-256-gcm)
  --connect HOST[%PORT] connect there instead (a tunnel, say); the key must be the same
)";

struct access_options {
  client_options reach;
  std::vector<std::string> revocations;
  bool log_in = true;
  std::string key_file;  // empty: none
  bool key_file_is_needed = false;
  std::optional<std::string> passphrase_file;
};

// Takes these options from the command line; exits if one is wrong.
access_options take_access_options(command_line& line);

// Who can sign our logins, best first; perhaps nobody. Fails if a key that was named is not usable.
outcome<std::vector<std::unique_ptr<login_signer>>> our_signers(const access_options& o);

// What to say when a server gives nothing to anonymous clients: the reason, and what to do.
std::string why_nobody_is_refused(const access_options& o);

// Empty, or why this server must not be used.
std::string why_not_trusted(const access_options& o, const hostid& server);

}  // namespace sfs
