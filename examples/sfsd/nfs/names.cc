// See names.h.
#include "examples/sfsd/nfs/names.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace sfs {

bool get_attributes(int fd, struct statx& out) noexcept {
  constexpr unsigned wanted = STATX_BASIC_STATS | STATX_BTIME;
  return ::statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, wanted, &out) == 0;
}

fd_owner open_beneath(int at, const char* path, std::uint64_t flags) noexcept {
  open_how how{};
  how.flags = flags | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return fd_owner(static_cast<int>(::syscall(SYS_openat2, at, path, &how, sizeof how)));
}

nfsstat3 status_of_errno(int error) noexcept {
  switch (error) {
    case EPERM:
      return NFS3ERR_PERM;
    case ENOENT:
      return NFS3ERR_NOENT;
    case EACCES:
    case ELOOP:    // a symbolic link in the way
    case EXDEV:    // a way out of the export
    case ETXTBSY:  // NFS has no words for these two
    case EBUSY:
      return NFS3ERR_ACCES;
    case EEXIST:
      return NFS3ERR_EXIST;
    case ENODEV:
    case ENXIO:
      return NFS3ERR_NXIO;
    case ENOTDIR:
      return NFS3ERR_NOTDIR;
    case EISDIR:
      return NFS3ERR_ISDIR;
    case EINVAL:
      return NFS3ERR_INVAL;
    case EFBIG:
    case EOVERFLOW:
      return NFS3ERR_FBIG;
    case ENOSPC:
      return NFS3ERR_NOSPC;
    case EROFS:
      return NFS3ERR_ROFS;
    case EMLINK:
      return NFS3ERR_MLINK;
    case ENAMETOOLONG:
      return NFS3ERR_NAMETOOLONG;
    case ENOTEMPTY:
      return NFS3ERR_NOTEMPTY;
    case EDQUOT:
      return NFS3ERR_DQUOT;
    case ESTALE:
      return NFS3ERR_STALE;
    case EOPNOTSUPP:
      return NFS3ERR_NOTSUPP;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:  // openat2: something was moved meanwhile
      return NFS3ERR_JUKEBOX;
    default:
      return NFS3ERR_IO;
  }
}

}  // namespace sfs
