// Revocation of servers: a certificate that says, in the server's own name, that its key must not
// be trusted any more. Whoever has it can check it, so it may come from anywhere.
//
//     sfs-revocation-v1
//     location: LOCATION
//     key: KEY                   base32 of the public key's 32 bytes
//     signature: SIGNATURE       base32 of 64 bytes
//
// Four lines, each with a newline and nothing else. What is signed, with the key itself:
//
//     "sfs-revoke-v1" | length of LOCATION (4 bytes, big-endian) | LOCATION
//     | the public key's SubjectPublicKeyInfo in DER (44 bytes)
//
// LOCATION and the key hash to the HOSTID that is revoked (channel/hostid.h). Clients keep the
// certificates that they have heard of in directories, each in a file named HOSTID, and ask
// check_revocation() before they connect.
//
// Thread safety: pure functions and values, but for reading files.
// Invariant: a revocation that exists was signed by the key that it revokes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "examples/sfsd/base/ed25519.h"
#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/channel/hostid.h"
#include "examples/sfsd/channel/keys.h"

namespace sfs {

inline constexpr std::size_t max_revocation = 1024;
inline constexpr std::string_view revocation_word = "sfs-revocation-v1";

class revocation {
 public:
  static revocation of(const server_key& key);
  // Fails unless it is exactly one certificate with a good signature.
  static outcome<revocation> parse(std::string_view text);
  std::string text() const;

  hostid id() const;
  self_certifying_path path() const { return {location_, id(), {}}; }

 private:
  revocation(server_location location, const ed25519_public& key,
             const ed25519_signature& signature)
      : location_(std::move(location)), key_(key), signature_(signature) {}

  server_location location_;
  ed25519_public key_;
  ed25519_signature signature_;
};

// An Ed25519 key's SubjectPublicKeyInfo in DER (RFC 8410).
std::array<std::uint8_t, 44> subject_public_key_info(const ed25519_public& key);

// What the files in the directories say of a server.
struct standing {
  enum class is { good, revoked, unclear };
  is state = is::good;
  std::string why;  // in words for the user, unless it is good

  explicit operator bool() const noexcept { return state == is::good; }
};

// Whether to connect to a server: only if it is good. It is revoked if DIRECTORY/HOSTID of one of
// the directories is its certificate. Whatever else has that name, or hides whether there is such a
// file, makes it unclear: somebody meant to revoke it, perhaps. A directory that does not exist has
// nothing to say. Blocks while it reads.
standing check_revocation(const hostid& server, const std::vector<std::string>& directories);

// ~/.config/sfs/revoked ($XDG_CONFIG_HOME instead of ~/.config, if it is set) and /etc/sfs/revoked.
std::vector<std::string> default_revocation_directories();

}  // namespace sfs
