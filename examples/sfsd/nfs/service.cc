// See service.h: which procedure a call is for, and the replies that need no file.
#include "examples/sfsd/nfs/service.h"

#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/nfs/procedures.h"

namespace sfs {
namespace {

constexpr std::uint32_t protocol_version = 3;
constexpr std::size_t header_reply_size = record_mark_size + rpc_max_reply_header;

// An RPC reply without results.
template <class Write>
reply header_only(block_pool& pool, Write write) {
  reply r(pool, header_reply_size);
  r.finish(record_mark_size + write(r.at(record_mark_size)));
  return r;
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
  const rpc_call& c = out.call;
  out.kind = c.program == SFS_PROGRAM ? call_class::channel : call_class::files;
  if (c.program != NFS_PROGRAM || c.version != protocol_version) return;
  const bool data = (c.procedure == NFSPROC3_READ && parse_read(c.arguments, out.data)) ||
                    (c.procedure == NFSPROC3_WRITE && parse_write(c.arguments, out.data));
  if (!data) return;
  out.data.xid = c.xid;
  out.kind = call_class::data;
}

reply refuse(const classified& c, block_pool& pool) {
  return header_only(pool, [&](std::uint8_t* to) {
    return c.header == call_header::wrong_rpc ? deny_version(to, c.call.xid)
                                              : deny_credentials(to, c.call.xid);
  });
}

reply reply_unknown_user(const rpc_call& call, block_pool& pool) {
  return header_only(pool, [&](std::uint8_t* to) { return deny_credentials(to, call.xid); });
}

reply reply_wrong_version(const rpc_call& call, std::uint32_t version, block_pool& pool) {
  return header_only(
      pool, [&](std::uint8_t* to) { return accept_mismatch(to, call.xid, version, version); });
}

reply reply_without_results(const rpc_call& call, rpc_accept status, block_pool& pool) {
  return header_only(pool, [&](std::uint8_t* to) { return accept(to, call.xid, status); });
}

write_verifier::write_verifier() {
  // Nobody else has it yet.
  value_.store(random_number<std::uint64_t>(), std::memory_order_relaxed);
}

bool service::only_once(const rpc_call& call) noexcept {
  if (call.program != NFS_PROGRAM || call.version != protocol_version) return false;
  const procedure* p = nfs_procedure(call.procedure);
  return p && p->once;
}

reply service::answer(const rpc_call& call, const principal& who, lease_notes& notes,
                      const recent_files& open, block_pool& pool) {
  if (!is_known_program(call.program))
    return reply_without_results(call, rpc_accept::prog_unavail, pool);
  if (call.version != protocol_version) return reply_wrong_version(call, protocol_version, pool);
  const procedure* p =
      call.program == NFS_PROGRAM ? nfs_procedure(call.procedure) : mount_procedure(call.procedure);
  if (!p) return reply_without_results(call, rpc_accept::proc_unavail, pool);
  reply r(pool, results_at + p->max_results);
  std::size_t size = 0;
  const call_context context{tree_, who, verifier_, watch_, notes, open};
  const rpc_accept status =
      p->run(context, call.arguments, {r.at(results_at), p->max_results}, size);
  const std::size_t header = accept(r.at(record_mark_size), call.xid, status);
  r.finish(record_mark_size + header + (status == rpc_accept::success ? size : 0));
  return r;
}

bool service::waits(const classified& c) noexcept {
  if (c.kind == call_class::data) return c.data.writes && c.data.stable != UNSTABLE;
  return c.kind == call_class::files && c.call.program == NFS_PROGRAM &&
         c.call.procedure == NFSPROC3_COMMIT;
}

std::optional<reply> service::read_or_write(const data_call& call, const open_file* file,
                                            nfsstat3 why, patience p, lease_notes& notes,
                                            block_pool& pool) {
  if (file && notes.note_shown) notes.shown.push_back(call.handle);
  if (!call.writes) return read_file(call, file, why, p, pool);
  if (file && notes.note_changed) notes.changed.push_back(call.handle);
  return write_file(call, file, why, verifier_, watch_, pool);
}

}  // namespace sfs
