// What is the same for all procedures: decode the arguments, refuse who may not, do the work,
// encode the result. Serves stage 5.
//
// Thread safety: as procedures.h says.
// Invariant: a result is all zero before the work begins, so attributes that nobody filled in do
// not follow.
#pragma once

#include "examples/sfsd/nfs/attributes.h"
#include "examples/sfsd/nfs/procedures.h"
#include "examples/sfsd/nfs/protocol.h"

namespace sfs {

inline constexpr std::size_t small_results = 512;

enum class does : std::uint8_t { read, change };

// NFS3_OK if this client may ask for such a procedure at all.
inline nfsstat3 may_ask(const call_context& c, does what) noexcept {
  if (c.who.anonymous && (c.tree.allowed() == anonymous::nothing || what == does::change))
    return NFS3ERR_ACCES;
  return what == does::change && c.tree.read_only() ? NFS3ERR_ROFS : NFS3_OK;
}

// A result of XDR's, or one that brings memory of its own along and has XDR's as its member `res`.
template <class Result>
auto& encoded_part(Result& r) noexcept {
  if constexpr (requires { r.res; }) {
    return r.res;
  } else {
    return r;
  }
}

template <does What, class Args, auto DecodeArgs, class Result, auto EncodeResult,
          void (*Work)(const call_context&, Args&, Result&)>
rpc_accept serve(const call_context& c, const_bytes arguments, bytes results, std::size_t& size) {
  xdr_value<Args, DecodeArgs> args;
  if (!args.decode(arguments)) return rpc_accept::garbage_args;
  Result result{};
  auto& encoded = encoded_part(result);
  encoded.status = may_ask(c, What);
  if (encoded.status == NFS3_OK) Work(c, *args, result);
  size = xdr_encode(EncodeResult, encoded, results);
  return size != 0 ? rpc_accept::success : rpc_accept::system_err;
}

// What the NULL procedure of every program does.
inline rpc_accept do_nothing(const call_context&, const_bytes arguments, bytes, std::size_t& size) {
  size = 0;
  return arguments.empty() ? rpc_accept::success : rpc_accept::garbage_args;
}

// The file of a handle; with it, and whatever happens next, its attributes go into `follow`.
inline located find(const call_context& c, const nfs_fh3& handle, post_op_attr& follow) {
  located l = c.tree.find(bytes_of(handle));
  if (l.status == NFS3_OK) {
    follow = attributes_after(l.attributes);
    c.shown(bytes_of(handle));
  }
  return l;
}

inline nfs_fh3 as_handle(sealed_handle& sealed) noexcept {
  return {{sealed.size, reinterpret_cast<char*>(sealed.held)}};
}

// The procedures, by what they do: see the files of the same names.
void get_file_attributes(const call_context&, GETATTR3args&, GETATTR3res&);
struct lookup_result {
  LOOKUP3res res;
  sealed_handle handle;
};
void look_up(const call_context&, LOOKUP3args&, lookup_result&);
void check_access(const call_context&, ACCESS3args&, ACCESS3res&);
struct link_result {
  READLINK3res res;
  char target[NFS3_MAXPATH];
};
void read_link(const call_context&, READLINK3args&, link_result&);
void file_system_state(const call_context&, FSSTAT3args&, FSSTAT3res&);
void file_system_info(const call_context&, FSINFO3args&, FSINFO3res&);
void path_configuration(const call_context&, PATHCONF3args&, PATHCONF3res&);

}  // namespace sfs
