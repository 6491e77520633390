// ONC RPC version 2 (RFC 5531): the headers of calls and replies. Only the headers: arguments and
// results are XDR's. Serves stages 5 and 6.
//
// Of the credentials only the number that LOGIN gave out is taken (nfs/sfs.x). Who a call claims to
// be in any other way is bounded and skipped: it is not believed.
//
// Thread safety: pure functions over the caller's bytes.
// Invariant: nothing is read past the message, whatever its lengths say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "examples/sfsd/base/bytes.h"

namespace sfs {

inline constexpr std::uint32_t rpc_version = 2;
inline constexpr std::size_t rpc_max_auth = 400;  // RFC 5531 section 8.2

enum class rpc_accept : std::uint32_t {
  success = 0,
  prog_unavail = 1,
  prog_mismatch = 2,
  proc_unavail = 3,
  garbage_args = 4,
  system_err = 5
};

inline constexpr std::uint32_t auth_sfs = 0x53465331;

struct rpc_call {
  std::uint32_t xid = 0, program = 0, version = 0, procedure = 0;
  std::uint32_t user = 0;  // the number of a LOGIN; 0: anonymous
  const_bytes arguments;   // what follows the header, in the message
};

enum class call_header : std::uint8_t {
  good,             // call is filled in
  not_a_call,       // not even that: the stream means nothing, end it
  wrong_rpc,        // answer with deny_version; call.xid is filled in
  bad_credentials,  // answer with deny_credentials; call.xid is filled in
};

call_header parse_call(const_bytes message, rpc_call& call) noexcept;

// Write a reply's header and return its size. `out` has at least rpc_max_reply_header bytes.
inline constexpr std::size_t rpc_max_reply_header = 32;
inline constexpr std::size_t rpc_accepted_size = 24;  // of accept(..., success)
std::size_t accept(std::uint8_t* out, std::uint32_t xid, rpc_accept status) noexcept;
// The program is here but not in this version; these are the versions there are.
std::size_t accept_mismatch(std::uint8_t* out, std::uint32_t xid, std::uint32_t low,
                            std::uint32_t high) noexcept;
std::size_t deny_version(std::uint8_t* out, std::uint32_t xid) noexcept;
std::size_t deny_credentials(std::uint8_t* out, std::uint32_t xid) noexcept;

// The client's side: a call's header, and what came back. `user` is the number of a LOGIN; 0 makes
// an anonymous call.
inline constexpr std::size_t rpc_call_size(std::uint32_t user) noexcept { return user ? 44 : 40; }
inline constexpr std::size_t rpc_max_call_header = 44;
void write_call(std::uint8_t* out, std::uint32_t xid, std::uint32_t program, std::uint32_t version,
                std::uint32_t procedure, std::uint32_t user = 0) noexcept;

struct rpc_reply {
  std::uint32_t xid = 0;
  bool denied = false;
  rpc_accept status = rpc_accept::success;  // unless denied
  const_bytes results;                      // in the message
};

// Empty if it is not a reply.
std::optional<rpc_reply> parse_reply(const_bytes message) noexcept;

}  // namespace sfs
