// READ and WRITE, the two procedures that have to be fast. Their arguments are taken apart without
// allocating anything, and their data are where they are sealed and where they were opened: nothing
// is copied. Serves stages 5 and 6.
//
// Each has two steps, so that each can have its own color: finding the file and opening it, which
// may need the export's tables, and reading or writing it, which needs only the open file.
//
// Thread safety: an open_file may be used from any thread; read_file and write_file too.
// Invariant: every call gets exactly one reply, whatever is in it.
#pragma once

#include <cstdint>
#include <optional>

#include "examples/sfsd/nfs/context.h"
#include "examples/sfsd/nfs/protocol.h"
#include "examples/sfsd/rpc/message.h"
#include "examples/sfsd/rpc/reply.h"

namespace sfs {

inline constexpr std::uint32_t data_max = NFS3_MAXDATA;

// A READ or a WRITE whose arguments are good.
struct data_call {
  std::uint32_t xid = 0;
  sealed_handle handle;
  std::uint64_t offset = 0;
  std::uint32_t count = 0;
  bool writes = false;
  stable_how stable = UNSTABLE;  // only of a WRITE
  const_bytes data;              // only of a WRITE: in the message
};

// Whether the arguments are those of a READ, or of a WRITE with its data behind them.
bool parse_read(const_bytes arguments, data_call& out) noexcept;
bool parse_write(const_bytes arguments, data_call& out) noexcept;

// A regular file that is open for one user, for reading or for writing.
class open_file final : public async::refcount {
 public:
  open_file(fd_owner fd, async::ref<const principal> who, bool for_writing) noexcept
      : fd_(std::move(fd)), who_(std::move(who)), for_writing_(for_writing) {}
  int fd() const noexcept { return fd_.get(); }
  const principal& who() const noexcept { return *who_; }
  bool for_writing() const noexcept { return for_writing_; }

 private:
  fd_owner fd_;
  async::ref<const principal> who_;
  bool for_writing_;
};

// The file that a call wants, opened as it wants it; null, and why. Uses the export.
async::ptr<open_file> open_for(export_tree& tree, const data_call& call,
                               const async::ref<const principal>& who, nfsstat3& why);

// Whether to wait for a disk.
enum class patience : std::uint8_t { none, wait };

// Carries the call out. Without patience a READ gives no reply if what it wants is not in memory. A
// WRITE waits if it has to be on the disk, and only then. `file` may be null: then the reply says
// `why`.
std::optional<reply> read_file(const data_call& call, const open_file* file, nfsstat3 why,
                               patience p, block_pool& pool);
reply write_file(const data_call& call, const open_file* file, nfsstat3 why,
                 write_verifier& verifier, change_watch& watch, block_pool& pool);

}  // namespace sfs
