// An exported directory: finds files by handle and by name, beneath its root and nowhere else, and
// opens them with a user's rights. Serves stage 5.
//
// A name is one component, without '/'; it is looked up by openat2 with RESOLVE_BENEATH,
// RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS and RESOLVE_NO_XDEV: the kernel refuses to leave the
// root, to follow a link and to cross a mount. Symbolic links are shown to clients, who follow them
// on their side; the server never does.
//
// Thread safety: any thread if any_thread(), else one color (the default color: what names the
// files is then one of the server's shared tables). An fd that was given out may be used anywhere.
// Invariant: a file that is returned has the identity that its handle was made for.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/nfs/handles.h"
#include "examples/sfsd/nfs/names.h"
#include "examples/sfsd/nfs/principal.h"
#include "examples/sfsd/nfs/protocol.h"

namespace sfs {

// What a client may do who has not logged in.
enum class anonymous : std::uint8_t {
  nothing,
  read,  // what the permission bits allow everybody ("other")
};

class export_tree {
 public:
  struct options {
    anonymous allowed = anonymous::nothing;
    bool read_only = false;
    bool kernel_handles = true;       // where they can be had
    std::size_t max_nodes = 1 << 18;  // of the table, where they can't,
    std::string handle_table = {};    // and the file that keeps it, if not empty
  };

  // Opens the directory. Handles are sealed with a key made of `key` and of what the root is.
  static outcome<std::unique_ptr<export_tree>> open(const std::string& directory,
                                                    const secret32& key, const options& o);

  anonymous allowed() const noexcept { return options_.allowed; }
  bool read_only() const noexcept { return options_.read_only; }
  bool any_thread() const noexcept { return names_->any_thread(); }

  sealed_handle handle_of(const located& file) const { return sealer_.seal(file.name); }
  bool is_root(const located& file) const noexcept { return file.name == root_name_; }

  // The file that a handle means. NFS3ERR_BADHANDLE if it was not made for this export;
  // NFS3ERR_STALE if the file is gone.
  located find(const_bytes handle);

  // The file of this name in a directory; "." and ".." are understood, and the root is its own
  // parent.
  located look_up(const located& directory, std::string_view name, const principal& who);

  // A directory of a path beneath the root, "/" and "" being the root: what MOUNT asks for.
  located walk(std::string_view path, const principal& who);

  // A new descriptor of a file that was found, with these flags of open(2), if the user may have
  // it. A regular file's owner always may (NFS asks for each READ and WRITE anew, and he may have
  // taken the right from himself since he opened the file); who may execute it may read it.
  fd_owner reopen(const located& file, int flags, const principal& who, nfsstat3& status) const;

 private:
  export_tree(fd_owner root, std::unique_ptr<file_names> names, const inner_handle& root_name,
              const secret32& key, const options& o);
  located parent_of(const located& directory, const principal& who);

  options options_;
  fd_owner root_;
  std::unique_ptr<file_names> names_;
  inner_handle root_name_;
  handle_sealer sealer_;
};

// Whether everybody may do this: S_IROTH, S_IXOTH or both.
bool everybody_may(const struct statx& file, unsigned other_bits) noexcept;

// Whether the name of a new or old entry is one component that can be used as such: not empty, no
// '/', no NUL, not too long; and unless `dots`, neither "." nor "..".
nfsstat3 check_name(std::string_view name, bool dots = false) noexcept;

// The path of an open file for calls that take no descriptor.
class fd_path {
 public:
  explicit fd_path(int fd) noexcept;
  const char* c_str() const noexcept { return text_; }

 private:
  char text_[32];
};

}  // namespace sfs
