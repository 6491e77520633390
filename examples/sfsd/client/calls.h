// The client's side of an RPC: from arguments to the bytes of a call, from a reply to its result.
// Serves stages 5 and 6 of client programs.
//
// Thread safety: pure functions.
// Invariant: a reply is only decoded if it is a success and has nothing behind it.
#pragma once

#include <cstdint>
#include <vector>

#include "examples/sfsd/nfs/protocol.h"
#include "examples/sfsd/rpc/message.h"
#include "examples/sfsd/rpc/stream.h"

namespace sfs {

// NFS and MOUNT have version 3, SFS and its callbacks have version 1.
inline constexpr std::uint32_t version_of(std::uint32_t program) noexcept {
  return program == SFS_PROGRAM || program == SFS_CALLBACK_PROGRAM ? 1 : 3;
}

// What the arguments of any call of a client's take at most; WRITE's data are not among them.
inline constexpr std::size_t max_arguments = NFS3_MAXPATH + 2 * (NFS3_MAXNAME + NFS3_FHSIZE) + 256;

// Appends a call, record mark in front. `user` is the number of a LOGIN; 0 makes an anonymous call.
// The arguments take at most `max_args` bytes.
template <class Args>
void append_call(std::vector<std::uint8_t>& to, std::uint32_t xid, std::uint32_t program,
                 std::uint32_t procedure, bool_t (*routine)(XDR*, Args*), Args& args,
                 std::uint32_t user = 0, std::size_t max_args = max_arguments) {
  const std::size_t header = record_mark_size + rpc_call_size(user);
  const std::size_t begin = to.size();
  to.resize(begin + header + max_args);
  std::uint8_t* const at = to.data() + begin;
  write_call(at + record_mark_size, xid, program, version_of(program), procedure, user);
  const std::size_t size = xdr_encode(routine, args, {at + header, max_args});
  store_be32(at, last_fragment | static_cast<std::uint32_t>(header - record_mark_size + size));
  to.resize(begin + header + size);
}

// A call without arguments.
inline void append_call(std::vector<std::uint8_t>& to, std::uint32_t xid, std::uint32_t program,
                        std::uint32_t procedure) {
  bool_t (*nothing)(XDR*, int*) = [](XDR*, int*) -> bool_t { return TRUE; };
  int unused = 0;
  append_call(to, xid, program, procedure, nothing, unused);
}

// A WRITE: its data go behind what XDR encodes. `head.count` bytes of data are there.
inline void append_write(std::vector<std::uint8_t>& to, std::uint32_t xid, std::uint32_t user,
                         WRITE3head head, const_bytes data) {
  const std::size_t begin = to.size();
  append_call(to, xid, NFS_PROGRAM, NFSPROC3_WRITE, xdr_WRITE3head, head, user);
  to.insert(to.end(), data.begin(), data.begin() + head.count);
  to.resize(begin + (to.size() - begin + 3) / 4 * 4);
  const auto size = static_cast<std::uint32_t>(to.size() - begin - record_mark_size);
  store_be32(to.data() + begin, last_fragment | size);
}

// A value as XDR; empty if it takes more than `most` bytes.
template <class T>
std::vector<std::uint8_t> encoded(bool_t (*routine)(XDR*, T*), T& value,
                                  std::size_t most = NFS3_MAXPATH + 4096) {
  std::vector<std::uint8_t> out(most);
  out.resize(xdr_encode(routine, value, out));
  return out;
}

inline nfs_fh3 as_handle(bytes handle) noexcept {
  return {{static_cast<u_int>(handle.size()), reinterpret_cast<char*>(handle.data())}};
}

inline filename3 as_name(std::string_view name) noexcept {
  return {static_cast<u_int>(name.size()), const_cast<char*>(name.data())};
}

}  // namespace sfs
