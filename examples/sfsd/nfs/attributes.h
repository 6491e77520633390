// From what the kernel says of a file to what NFS says of it (RFC 1813, fattr3). Serves stage 6.
//
// Thread safety: pure functions.
// Invariant: none.
#pragma once

#include <sys/stat.h>

#include "examples/sfsd/nfs/lone_change.h"
#include "examples/sfsd/nfs/protocol.h"

namespace sfs {

// The size of a post_op_attr with attributes: that they follow, and a fattr3.
inline constexpr std::size_t attributes_size = 4 + 84;

fattr3 attributes_of(const struct statx& file) noexcept;

inline post_op_attr attributes_after(const struct statx& file) noexcept {
  post_op_attr a;
  a.attributes_follow = TRUE;
  a.post_op_attr_u.attributes = attributes_of(file);
  return a;
}

// What a file was before a change, if only this one can have changed it since. It is seen again
// first: see lone_change.h.
inline pre_op_attr attributes_before(const struct statx& file, const lone_change& change) noexcept {
  pre_op_attr a;
  std::memset(&a, 0, sizeof a);
  if (!change.is_alone()) return a;
  const fattr3 old = attributes_of(file);
  a.attributes_follow = TRUE;
  a.pre_op_attr_u.attributes = {old.size, old.mtime, old.ctime};
  return a;
}

inline post_op_attr no_attributes() noexcept {
  post_op_attr a;
  std::memset(&a, 0, sizeof a);
  return a;
}

}  // namespace sfs
