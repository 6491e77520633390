// An exported directory: finds files by handle and by name, beneath its root and nowhere else.
// Serves stage 5.
//
// Every path is resolved by openat2 with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS,
// RESOLVE_NO_MAGICLINKS and RESOLVE_NO_XDEV: the kernel refuses to leave the root, to follow a link
// and to cross a mount. Symbolic links are shown to clients, who follow them on their side; the
// server never does.
//
// Thread safety: one color (the default color: it is one of the server's shared tables). An
// open_file may be used from any thread.
// Invariant: a file that is returned has the identity that its handle was made for.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/nfs/handles.h"
#include "examples/sfsd/nfs/nodes.h"
#include "examples/sfsd/nfs/protocol.h"
#include "wrap/refcnt.h"

namespace sfs {

// A regular file that is open for reading. It stays readable while anybody holds it.
class open_file final : public async::refcount {
 public:
  explicit open_file(fd_owner fd) noexcept : fd_(std::move(fd)) {}
  int fd() const noexcept { return fd_.get(); }

 private:
  fd_owner fd_;
};

// What an anonymous client may do. There are no other clients yet: user authentication is not part
// of this server.
enum class anonymous : std::uint8_t {
  nothing,
  read,  // what the permission bits allow everybody ("other")
};

// A file that was found: a descriptor that names it (O_PATH) and what it is.
struct located {
  nfsstat3 status = NFS3ERR_SERVERFAULT;  // the rest is filled in only if this is NFS3_OK
  fd_owner path_fd;
  struct statx attributes {};
  node_id node = 0, parent = 0;
};

class export_tree {
 public:
  struct options {
    std::uint32_t id = 1;
    anonymous allowed = anonymous::nothing;
    std::size_t max_nodes = 1 << 18;
    std::size_t max_open_files = 256;
  };

  // Opens the directory. Handles are sealed with `key`.
  static outcome<std::unique_ptr<export_tree>> open(const std::string& directory, secret32 key,
                                                    const options& o);

  anonymous allowed() const noexcept { return options_.allowed; }
  sealed_handle handle_of(node_id node) const;
  sealed_handle root_handle() const { return handle_of(node_table::root_id); }

  // The file that a handle means. NFS3ERR_BADHANDLE if it was not made here; NFS3ERR_STALE if the
  // file is gone or the handle is of an earlier run.
  located find(const_bytes handle);

  // The file of this name in a directory; "." and ".." are understood, and the root is its own
  // parent. Asks for the permission to search the directory.
  located look_up(const located& directory, std::string_view name);

  // A directory of a path beneath the root, "/" and "" being the root: what MOUNT asks for.
  located walk(std::string_view path);

  // Opens a regular file for reading; the same one again while it is among those last used. Asks
  // for the permission to read. Null, and why in `status`, if it is not to be had.
  async::ptr<open_file> open_for_reading(const_bytes handle, nfsstat3& status);

  // A new descriptor for reading the directory; asks for no permission.
  fd_owner open_directory(const located& directory) const;

  // A new descriptor of the root, for asking about the file system.
  fd_owner open_root() const noexcept { return open_beneath(root_.get(), ".", O_PATH); }

 private:
  struct cached {
    node_id node;
    async::ref<open_file> file;
  };
  export_tree(fd_owner root, const struct statx& root_attributes, secret32 key, const options& o);
  located find_node(node_id node);
  fd_owner open_beneath(int at, const char* path, std::uint64_t flags) const noexcept;

  options options_;
  fd_owner root_;
  std::uint64_t run_;
  handle_sealer sealer_;
  node_table nodes_;
  std::list<cached> open_files_;  // front: last used
};

// Whether everybody may do this: S_IROTH, S_IXOTH or both.
bool everybody_may(const struct statx& file, unsigned other_bits) noexcept;

file_identity identity_of(const struct statx& attributes) noexcept;

// The status that says what errno says.
nfsstat3 status_of_errno(int error) noexcept;

}  // namespace sfs
