// The NFS and MOUNT programs: from an RPC call to its reply. Serves stage 5.
//
// Thread safety: `classify`, `refuse`, `read` and `write` may be called from any thread (any
// color); `answer` and `open` use the export: as export.h says.
// Invariant: every call gets exactly one reply, whatever is in it.
#pragma once

#include <cstdint>

#include "examples/sfsd/nfs/context.h"
#include "examples/sfsd/nfs/data.h"
#include "examples/sfsd/nfs/protocol.h"
#include "examples/sfsd/rpc/message.h"
#include "examples/sfsd/rpc/reply.h"

namespace sfs {

// A call must fit this: a WRITE of 64 KiB does.
inline constexpr std::size_t max_call = record_max_payload;

enum class call_class : std::uint8_t {
  data,      // `data` is filled in: open the file, then read or write
  files,     // answer
  channel,   // of the SFS program: about the channel and who uses it
  refused,   // the header already says no: refuse
  nonsense,  // not a call: end the channel
};

struct classified {
  call_class kind = call_class::nonsense;
  call_header header = call_header::not_a_call;
  rpc_call call;
  data_call data;
};

void classify(const_bytes message, classified& out) noexcept;

// The reply for call_class::refused.
reply refuse(const classified& c, block_pool& pool);

// A reply that says no more than this about the call.
reply reply_without_results(const rpc_call& call, rpc_accept status, block_pool& pool);

// The program is here in this version only.
reply reply_wrong_version(const rpc_call& call, std::uint32_t version, block_pool& pool);

// Nobody has logged in as the user for whom the call is said to be.
reply reply_unknown_user(const rpc_call& call, block_pool& pool);

class service {
 public:
  explicit service(export_tree& tree) noexcept : tree_(tree) {}

  // Whether the export is used from any color; else from that of the shared tables only.
  bool any_thread() const noexcept { return tree_.any_thread(); }

  // Whether a call that is carried out twice may give another answer than once.
  static bool only_once(const rpc_call& call) noexcept;

  // The reply for call_class::files. `open` are the files that the client has open.
  reply answer(const rpc_call& call, const principal& who, lease_notes& notes,
               const recent_files& open, block_pool& pool);

  // The file that a READ or WRITE wants; null, and why.
  async::ptr<open_file> open(const data_call& call, const async::ref<const principal>& who,
                             nfsstat3& why) {
    return open_for(tree_, call, who, why);
  }

  // Whether a call waits for the disk, whatever is in memory.
  static bool waits(const classified& c) noexcept;

  // The reply for call_class::data; none if it would have to wait and there is no patience. `file`
  // may be null: then it says `why`.
  std::optional<reply> read_or_write(const data_call& call, const open_file* file, nfsstat3 why,
                                     patience p, lease_notes& notes, block_pool& pool);

 private:
  export_tree& tree_;
  write_verifier verifier_;
  change_watch watch_;
};

}  // namespace sfs
