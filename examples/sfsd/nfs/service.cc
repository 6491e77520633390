// See service.h: which procedure a call is for, and the replies that need no file.
#include "examples/sfsd/nfs/service.h"

#include "examples/sfsd/nfs/procedures.h"

namespace sfs {
namespace {

enum : std::uint32_t { protocol_version = 3 };
constexpr std::size_t header_reply_size = record_mark_size + rpc_max_reply_header;

// An RPC reply without results.
template <class Write>
reply header_only(block_pool& pool, Write write) {
  reply r(pool, header_reply_size);
  r.finish(record_mark_size + write(r.at(record_mark_size)));
  return r;
}

reply rejected(const rpc_call& call, rpc_accept status, block_pool& pool) {
  return header_only(pool, [&](std::uint8_t* to) { return accept(to, call.xid, status); });
}

bool is_known_program(std::uint32_t program) noexcept {
  return program == NFS_PROGRAM || program == MOUNT_PROGRAM;
}

}  // namespace

void classify(const_bytes message, classified& out) noexcept {
  out.header = parse_call(message, out.call);
  if (out.header != call_header::good) {
    out.kind = out.header == call_header::not_a_call ? call_class::nonsense : call_class::refused;
    return;
  }
  out.kind = call_class::other;
  const rpc_call& c = out.call;
  if (c.program != NFS_PROGRAM || c.version != protocol_version || c.procedure != NFSPROC3_READ)
    return;
  // XDR puts the handle into memory that it is given, so that a READ allocates nothing.
  READ3args args{};
  args.file.data.data_val = reinterpret_cast<char*>(out.read.handle);
  XDR x;
  auto* memory = const_cast<char*>(reinterpret_cast<const char*>(c.arguments.data()));
  xdrmem_create(&x, memory, static_cast<u_int>(c.arguments.size()), XDR_DECODE);
  if (!xdr_READ3args(&x, &args) || xdr_getpos(&x) != c.arguments.size()) return;
  out.read.xid = c.xid;
  out.read.handle_size = args.file.data.data_len;
  out.read.offset = args.offset;
  out.read.count = args.count;
  out.kind = call_class::read;
}

reply refuse(const classified& c, block_pool& pool) {
  return header_only(pool, [&](std::uint8_t* to) {
    return c.header == call_header::wrong_rpc ? deny_version(to, c.call.xid)
                                              : deny_credentials(to, c.call.xid);
  });
}

async::ptr<open_file> service::open(const read_call& call, nfsstat3& why) {
  if (tree_.allowed() == anonymous::nothing) {
    why = NFS3ERR_ACCES;
    return nullptr;
  }
  return tree_.open_for_reading(call.handle_bytes(), why);
}

reply service::answer(const rpc_call& call, block_pool& pool) {
  if (!is_known_program(call.program)) return rejected(call, rpc_accept::prog_unavail, pool);
  if (call.version != protocol_version)
    return header_only(pool, [&](std::uint8_t* to) {
      return accept_mismatch(to, call.xid, protocol_version, protocol_version);
    });
  const procedure* p =
      call.program == NFS_PROGRAM ? nfs_procedure(call.procedure) : mount_procedure(call.procedure);
  if (!p) return rejected(call, rpc_accept::proc_unavail, pool);
  constexpr std::size_t results_at = record_mark_size + rpc_accepted_size;
  reply r(pool, results_at + p->max_results);
  std::size_t size = 0;
  const rpc_accept status = p->run(tree_, call.arguments, {r.at(results_at), p->max_results}, size);
  const std::size_t header = accept(r.at(record_mark_size), call.xid, status);
  r.finish(record_mark_size + header + (status == rpc_accept::success ? size : 0));
  return r;
}

}  // namespace sfs
