// How the server names files for handles, and finds them again. Serves stage 5.
//
// Where the kernel's own file handles can be had (name_to_handle_at(2), and open_by_handle_at(2),
// which only root may call), a handle is the kernel's: nothing is kept here, any thread can use it,
// and it stays good whatever the file is renamed to and however often the server starts. Else a
// table remembers where each file was seen (table_names.h).
//
// Thread safety: as each says; see any_thread().
// Invariant: a file that open() gives has the identity that its handle was made for.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <string_view>

#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/nfs/handles.h"
#include "examples/sfsd/nfs/protocol.h"

namespace sfs {

// A file that was found: a descriptor that names it (O_PATH), what it is, and its handle.
struct located {
  nfsstat3 status = NFS3ERR_SERVERFAULT;  // the rest is filled in only if this is NFS3_OK
  fd_owner path_fd;
  struct statx attributes {};
  inner_handle name;

  bool is_directory() const noexcept { return S_ISDIR(attributes.stx_mode); }
  static located none(nfsstat3 status) {
    located l;
    l.status = status;
    return l;
  }
};

class file_names {
 public:
  virtual ~file_names() = default;

  // Whether it may be used from any thread; else from one color only.
  virtual bool any_thread() const noexcept = 0;

  // The handle of a file that was found in `parent` under this name and is open at `path_fd`.
  virtual nfsstat3 make(const inner_handle& parent, std::string_view name, int path_fd,
                        const struct statx& attributes, inner_handle& out) = 0;

  // The handle of a directory that is known to be above others, or the root.
  virtual nfsstat3 make_for_ancestor(int path_fd, const struct statx& attributes,
                                     inner_handle& out) = 0;

  // The file of a handle. NFS3ERR_STALE if it is gone, NFS3ERR_BADHANDLE if there was none.
  virtual located open(const inner_handle& handle) = 0;
};

// The kernel's handles; null if they cannot be had for the file system of `root`.
std::unique_ptr<file_names> kernel_names(int root);

// What the server asks about each file.
bool get_attributes(int fd, struct statx& out) noexcept;

// The kernel's words: it opens what `path` names beneath `at`, follows no link, leaves no mount.
fd_owner open_beneath(int at, const char* path, std::uint64_t flags) noexcept;

// The status that says what errno says.
nfsstat3 status_of_errno(int error) noexcept;

}  // namespace sfs
