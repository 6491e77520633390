// Between NFS's attributes and Linux's. Serves stage 5.
//
// Thread safety: pure functions.
// Invariant: what one side cannot say is brought to the nearest that it can.
#pragma once

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "examples/sfsd/mount/fuse.h"
#include "examples/sfsd/mount/identity.h"
#include "examples/sfsd/mount/inode.h"

namespace sfs {

// What stat(2) shows, with the data that is still to be written, and without the name that a
// removed file has meanwhile.
struct stat stat_of(const inode& i, const identity& who);

mode_t type_bits(ftype3 type) noexcept;  // S_IFREG and so on
nfstime3 nfs_time(const timespec& t) noexcept;

// The attributes that a reply says, or null.
inline const fattr3* attributes_in(const post_op_attr& a) noexcept {
  return a.attributes_follow ? &a.post_op_attr_u.attributes : nullptr;
}
inline const fattr3* attributes_in(const wcc_data& w) noexcept { return attributes_in(w.after); }

// Nothing to be set.
sattr3 no_change() noexcept;

// What setattr asks for; `to_set` is FUSE_SET_ATTR_... .
sattr3 wanted_changes(const struct stat& wanted, int to_set, const identity& who);

// The attributes of a new file: its mode, and, where that is ours to say, whose it is. In a
// directory whose set-group-id bit is set, it gets the directory's group.
sattr3 first_attributes(mode_t mode, const fuse_ctx& maker, const inode& directory,
                        const identity& who);

void fill(struct statvfs& out, const FSSTAT3resok& from, std::uint32_t longest_name);

}  // namespace sfs
