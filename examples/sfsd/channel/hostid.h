// HOSTID: the name of a server's public key, and the self-certifying path that carries it. Who
// knows the path needs no authority to tell him that he talks to the right server. Serves no stage
// of its own.
//
//     HOSTID = base32(SHA-256("sfs-hostid-v1" | length of LOCATION, 4 bytes big-endian | LOCATION |
//                             the public key's SubjectPublicKeyInfo in DER))
//     path   = /sfs/@LOCATION,HOSTID[/REST]       LOCATION = HOST or HOST%PORT
//
// Base32 is RFC 4648's alphabet in lower case without padding; all 256 bits are kept (52
// characters). HOST is a name, an IPv4 address, or an IPv6 address in brackets.
//
// Thread safety: pure functions and values.
// Invariant: one HOSTID has one spelling; a path that parses prints as it was written.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "examples/sfsd/base/bytes.h"
#include "examples/sfsd/base/outcome.h"

namespace sfs {

inline constexpr std::uint16_t default_port = 4433;
inline constexpr std::size_t hostid_text_size = 52;

struct hostid {
  std::array<std::uint8_t, 32> digest{};

  static hostid of(std::string_view location, const_bytes subject_public_key_info);
  // Fails if it is not exactly one HOSTID as text() writes it.
  static outcome<hostid> parse(std::string_view text);
  std::string text() const;

  // In constant time: which byte differs is not told by how long it takes.
  bool operator==(const hostid& other) const noexcept;
};

struct server_location {
  std::string text;  // as written; this is what is hashed
  std::string host;  // without brackets
  std::uint16_t port = default_port;

  static outcome<server_location> parse(std::string_view text);
};

struct self_certifying_path {
  server_location location;
  hostid id;
  std::string rest;  // begins with '/' unless it is empty

  static outcome<self_certifying_path> parse(std::string_view path);
  std::string text() const;
};

}  // namespace sfs
