// See errors.h.
#include "examples/sfsd/mount/errors.h"

#include <cerrno>

namespace sfs {

int errno_of(nfsstat3 status) noexcept {
  switch (status) {
    case NFS3_OK:
      return 0;
    case NFS3ERR_NAMETOOLONG:
      return ENAMETOOLONG;
    case NFS3ERR_NOTEMPTY:
      return ENOTEMPTY;
    case NFS3ERR_DQUOT:
      return EDQUOT;
    case NFS3ERR_STALE:
    case NFS3ERR_BADHANDLE:
      return ESTALE;
    case NFS3ERR_REMOTE:
      return EREMOTE;
    case NFS3ERR_NOTSUPP:
      return EOPNOTSUPP;
    case NFS3ERR_BADTYPE:
      return EPERM;  // what mknod(2) says of a type that the file system has not
    case NFS3ERR_JUKEBOX:
      return EAGAIN;
    case NFS3ERR_PERM:
    case NFS3ERR_NOENT:
    case NFS3ERR_IO:
    case NFS3ERR_NXIO:
    case NFS3ERR_ACCES:
    case NFS3ERR_EXIST:
    case NFS3ERR_XDEV:
    case NFS3ERR_NODEV:
    case NFS3ERR_NOTDIR:
    case NFS3ERR_ISDIR:
    case NFS3ERR_INVAL:
    case NFS3ERR_FBIG:
    case NFS3ERR_NOSPC:
    case NFS3ERR_ROFS:
    case NFS3ERR_MLINK:
      return static_cast<int>(status);  // they have Linux's numbers
    case NFS3ERR_NOT_SYNC:
    case NFS3ERR_BAD_COOKIE:
    case NFS3ERR_TOOSMALL:
    case NFS3ERR_SERVERFAULT:
      break;
  }
  return EIO;
}

int errno_of(const call_reply& r) noexcept {
  if (r.what == call_reply::kind::failed || r.denied) return EACCES;
  return r.status == rpc_accept::proc_unavail ? EOPNOTSUPP : EIO;
}

}  // namespace sfs
