// Finds files beneath the root, and makes resources of them. Serves stage 5, in threads that may
// wait for a disk.
//
// Thread safety: load() may be called from any thread, and waits for the disk.
// Invariant: nothing outside of the root is ever opened, whatever is renamed or linked meanwhile:
// the kernel resolves each path as a whole, beneath the root (openat2, RESOLVE_BENEATH).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "examples/httpd/files/mime.h"
#include "examples/httpd/files/resource.h"
#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/base/outcome.h"

namespace httpd {

struct serving_options {
  bool symlinks = false;                    // follow those that stay beneath the root
  bool dotfiles = false;                    // serve names that begin with a dot
  bool listings = false;                    // of directories that have no index.html
  bool gzip = true;                         // serve x.gz as the compressed form of x
  std::size_t most_in_memory = 256 * 1024;  // of one file
};

// A resource, or the status that says why there is none.
struct loaded {
  unsigned status = 0;
  async::ptr<const resource> what;
};

class loader {
 public:
  static sfs::outcome<loader> open(const std::string& root, const serving_options& options);

  // What the path (as read_target() gives it) stands for. `before`, which may be null, is returned
  // again if nothing has changed since it was made.
  loaded load(const std::string& path, const async::ptr<const resource>& before) const;

 private:
  struct opened {
    sfs::fd_owner fd;
    struct stat status {};
  };

  loader(sfs::fd_owner root, const serving_options& options)
      : root_(std::move(root)), options_(options) {}
  opened open_beneath(const std::string& path) const;
  loaded load_file(const std::string& path, opened file,
                   const async::ptr<const resource>& before) const;
  loaded load_listing(const std::string& path, opened directory,
                      const async::ptr<const resource>& before) const;

  sfs::fd_owner root_;
  serving_options options_;
  mime_types types_;
};

}  // namespace httpd
