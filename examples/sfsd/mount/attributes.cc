// See attributes.h.
#include "examples/sfsd/mount/attributes.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <cstring>

#include "examples/sfsd/mount/dirty_file.h"

namespace sfs {
namespace {

timespec time_of(const nfstime3& t) noexcept {
  return {static_cast<time_t>(t.seconds), static_cast<long>(std::min(t.nseconds, 999'999'999u))};
}

}  // namespace

mode_t type_bits(ftype3 type) noexcept {
  constexpr mode_t bits[] = {0, S_IFREG, S_IFDIR, S_IFBLK, S_IFCHR, S_IFLNK, S_IFSOCK, S_IFIFO};
  return type >= NF3REG && type <= NF3FIFO ? bits[type] : 0;
}

// Seconds there are without a sign, and until 2106.
nfstime3 nfs_time(const timespec& t) noexcept {
  if (t.tv_sec < 0) return {0, 0};
  if (t.tv_sec > UINT32_MAX) return {UINT32_MAX, 999'999'999};
  return {static_cast<u_int>(t.tv_sec), static_cast<u_int>(t.tv_nsec)};
}

struct stat stat_of(const inode& i, const identity& who) {
  const fattr3& a = i.attributes;
  struct stat s;
  std::memset(&s, 0, sizeof s);
  s.st_ino = a.fileid;
  s.st_mode = type_bits(a.type) | (a.mode & 07777);
  s.st_nlink = a.nlink - (i.hidden_in && a.nlink > 0 ? 1 : 0);
  s.st_uid = who.uid_to_us(a.uid);
  s.st_gid = who.gid_to_us(a.gid);
  s.st_rdev = makedev(a.rdev.specdata1, a.rdev.specdata2);
  std::uint64_t size = a.size;
  if (i.dirty) size = std::max(size, i.dirty->unacknowledged_end());
  s.st_size = static_cast<off_t>(std::min<std::uint64_t>(size, INT64_MAX));
  s.st_blksize = 65'536;
  s.st_blocks = static_cast<blkcnt_t>(a.used / 512 + (a.used % 512 != 0));
  s.st_atim = time_of(a.atime);
  s.st_mtim = time_of(a.mtime);
  s.st_ctim = time_of(a.ctime);
  return s;
}

sattr3 no_change() noexcept {
  sattr3 a;
  std::memset(&a, 0, sizeof a);
  return a;
}

sattr3 wanted_changes(const struct stat& wanted, int to_set, const identity& who) {
  sattr3 a = no_change();
  if (to_set & FUSE_SET_ATTR_MODE) {
    a.mode.set_it = TRUE;
    a.mode.set_mode3_u.mode = wanted.st_mode & 07777;
  }
  if (to_set & FUSE_SET_ATTR_UID) {
    a.uid.set_it = TRUE;
    a.uid.set_uid3_u.uid = who.uid_to_server(wanted.st_uid);
  }
  if (to_set & FUSE_SET_ATTR_GID) {
    a.gid.set_it = TRUE;
    a.gid.set_gid3_u.gid = who.gid_to_server(wanted.st_gid);
  }
  if (to_set & FUSE_SET_ATTR_SIZE) {
    a.size.set_it = TRUE;
    a.size.set_size3_u.size = static_cast<std::uint64_t>(wanted.st_size);
    a.mtime.set_it = SET_TO_SERVER_TIME;  // also if it is as long as before
  }
  if (to_set & FUSE_SET_ATTR_ATIME_NOW) {
    a.atime.set_it = SET_TO_SERVER_TIME;
  } else if (to_set & FUSE_SET_ATTR_ATIME) {
    a.atime.set_it = SET_TO_CLIENT_TIME;
    a.atime.set_atime_u.atime = nfs_time(wanted.st_atim);
  }
  if (to_set & FUSE_SET_ATTR_MTIME_NOW) {
    a.mtime.set_it = SET_TO_SERVER_TIME;
  } else if (to_set & FUSE_SET_ATTR_MTIME) {
    a.mtime.set_it = SET_TO_CLIENT_TIME;
    a.mtime.set_mtime_u.mtime = nfs_time(wanted.st_mtim);
  }
  return a;
}

sattr3 first_attributes(mode_t mode, const fuse_ctx& maker, const inode& directory,
                        const identity& who) {
  sattr3 a = no_change();
  a.mode.set_it = TRUE;
  a.mode.set_mode3_u.mode = mode & 07777;
  if (!who.as_root) return a;
  const bool inherits = (directory.attributes.mode & S_ISGID) != 0;
  if (inherits && S_ISDIR(mode)) a.mode.set_mode3_u.mode |= S_ISGID;
  a.uid.set_it = a.gid.set_it = TRUE;
  a.uid.set_uid3_u.uid = maker.uid;
  a.gid.set_gid3_u.gid = inherits ? directory.attributes.gid : maker.gid;
  return a;
}

void fill(struct statvfs& out, const FSSTAT3resok& from, std::uint32_t longest_name) {
  std::memset(&out, 0, sizeof out);
  constexpr unsigned long block = 4096;
  out.f_bsize = out.f_frsize = block;
  out.f_blocks = from.tbytes / block;
  out.f_bfree = from.fbytes / block;
  out.f_bavail = from.abytes / block;
  out.f_files = from.tfiles;
  out.f_ffree = from.ffiles;
  out.f_favail = from.afiles;
  out.f_namemax = longest_name;
}

}  // namespace sfs
