// READDIR: a piece of a directory, from a cookie on. The cookies are the file system's own
// positions, so the server keeps nothing between calls. Serves stage 5; reads the directory, which
// may block.
//
// Thread safety: one thread (or color) at a time per object; the object owns what it returns.
// Invariant: what is returned fits, encoded, into the number of bytes that the client allowed.
#pragma once

#include <cstdint>
#include <vector>

#include "examples/sfsd/nfs/export.h"
#include "examples/sfsd/nfs/protocol.h"

namespace sfs {

inline constexpr std::uint32_t readdir_max_reply = 32768;

class directory_page {
 public:
  // Reads entries behind `cookie` (0: from the beginning) until the client's `count` is used up.
  // `root` is whether the directory is the export's root, whose parent is not shown.
  nfsstat3 read(const export_tree& tree, const located& directory, std::uint64_t cookie,
                std::uint32_t count, bool root);

  // The entries as a list for XDR; valid while this object is.
  dirlist3 list() noexcept;

 private:
  nfsstat3 take(const std::uint8_t* buffer, std::size_t size, std::uint64_t own_number, bool root);

  std::vector<std::uint8_t> buffer_;
  std::vector<entry3> entries_;
  std::size_t budget_ = 0;  // bytes of XDR that the entries may still take
  bool full_ = false;
  bool eof_ = false;
};

}  // namespace sfs
