// What a user signs to log in on one channel of one server: the bytes, as nfs/sfs.x says them.
//
//     "sfs-login-v1" | length of LOCATION (4 bytes, big-endian) | LOCATION | HOSTID (32 bytes)
//     | session id (32 bytes, from the handshake) | sequence (4 bytes, big-endian)
//
// The session id belongs to one channel alone, so a signature is good for nothing elsewhere: not on
// another channel, not to another server to whom a user logs in. On the same channel the sequence
// makes an old one worthless. The words in front keep it apart from whatever else a key may sign.
//
// Thread safety: pure functions and values.
// Invariant: two statements that differ have different bytes.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "examples/sfsd/base/ed25519.h"
#include "examples/sfsd/channel/hostid.h"
#include "examples/sfsd/users/signed_message.h"
#include "examples/sfsd/users/user_key.h"

namespace sfs {

using session_id = std::array<std::uint8_t, 32>;

struct login_statement {
  std::string location;  // of the self-certifying path, as written: 1 to 255 bytes
  hostid server;
  session_id session{};
  std::uint32_t sequence = 0;
};

signed_message login_message(const login_statement& statement);

ed25519_signature sign_login(const user_key& key, const login_statement& statement);

// Whether the owner of the key has signed this. A server calls it before it looks the key up, so
// that how long a refusal takes does not tell which keys it knows.
bool verify_login(const ed25519_public& key, const login_statement& statement,
                  const ed25519_signature& signature);

}  // namespace sfs
