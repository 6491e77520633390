// See attributes.h.
#include "examples/sfsd/nfs/attributes.h"

namespace sfs {
namespace {

ftype3 type_of(unsigned mode) noexcept {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return NF3DIR;
    case S_IFLNK:
      return NF3LNK;
    case S_IFBLK:
      return NF3BLK;
    case S_IFCHR:
      return NF3CHR;
    case S_IFSOCK:
      return NF3SOCK;
    case S_IFIFO:
      return NF3FIFO;
    default:
      return NF3REG;
  }
}

nfstime3 time_of(const struct statx_timestamp& t) noexcept {
  return {static_cast<u_int>(t.tv_sec), t.tv_nsec};
}

}  // namespace

fattr3 attributes_of(const struct statx& s) noexcept {
  constexpr unsigned bytes_per_block = 512;
  fattr3 a;
  a.type = type_of(s.stx_mode);
  a.mode = s.stx_mode & 07777;
  a.nlink = s.stx_nlink;
  a.uid = s.stx_uid;
  a.gid = s.stx_gid;
  a.size = s.stx_size;
  a.used = s.stx_blocks * bytes_per_block;
  a.rdev = {s.stx_rdev_major, s.stx_rdev_minor};
  a.fsid = std::uint64_t{s.stx_dev_major} << 32 | s.stx_dev_minor;
  a.fileid = s.stx_ino;
  a.atime = time_of(s.stx_atime);
  a.mtime = time_of(s.stx_mtime);
  a.ctime = time_of(s.stx_ctime);
  return a;
}

}  // namespace sfs
