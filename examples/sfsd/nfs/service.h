// The NFS and MOUNT programs: from an RPC call to its reply. Everything reads; what would change
// something is answered with NFS3ERR_ROFS. Serves stage 5.
//
// READ has two steps, so that each can have its own color: finding the file uses the shared tables,
// and reading it uses only the open file. Everything else is one step.
//
// Thread safety: `classify`, `refuse` and `read_file` may be called from any thread (any color);
// `answer` and `open` use the export's tables: one color (the default color).
// Invariant: every call gets exactly one reply, whatever is in it.
#pragma once

#include <cstdint>

#include "examples/sfsd/nfs/export.h"
#include "examples/sfsd/nfs/protocol.h"
#include "examples/sfsd/rpc/message.h"
#include "examples/sfsd/rpc/reply.h"

namespace sfs {

inline constexpr std::uint32_t read_max = NFS3_MAXDATA;
// A call must fit this: a WRITE of 64 KiB can be understood, and refused.
inline constexpr std::size_t max_call = 65536 + 1024;

// A READ whose arguments are good.
struct read_call {
  std::uint32_t xid = 0;
  std::uint8_t handle[NFS3_FHSIZE];
  std::uint32_t handle_size = 0;
  std::uint64_t offset = 0;
  std::uint32_t count = 0;

  const_bytes handle_bytes() const noexcept { return {handle, handle_size}; }
};

enum class call_class : std::uint8_t {
  read,      // `read` is filled in: open the file, then read_file
  other,     // `call` is filled in: answer
  refused,   // the header already says no: refuse
  nonsense,  // not a call: end the channel
};

struct classified {
  call_class kind = call_class::nonsense;
  call_header header = call_header::not_a_call;
  rpc_call call;
  read_call read;
};

void classify(const_bytes message, classified& out) noexcept;

// The reply for call_class::refused.
reply refuse(const classified& c, block_pool& pool);

// Reads the file into a reply to `call`. Blocks if the data is not in memory. `file` may be null:
// then the reply says `why`.
reply read_file(const read_call& call, const open_file* file, nfsstat3 why, block_pool& pool);

class service {
 public:
  explicit service(export_tree& tree) noexcept : tree_(tree) {}

  // The reply for call_class::other.
  reply answer(const rpc_call& call, block_pool& pool);

  // The file that a READ wants; null, and why.
  async::ptr<open_file> open(const read_call& call, nfsstat3& why);

 private:
  export_tree& tree_;
};

}  // namespace sfs
