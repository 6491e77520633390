// The kernel's file handles: see names.h. Any thread.
//
// A handle means a file wherever it is on the file system. A directory that somebody on the
// server's machine has moved out of the export must not be a way out, so directories are checked to
// be beneath the root each time. Where a file that is none is cannot be known: like every server
// that works with such handles, this one serves it to who has its handle.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "examples/sfsd/nfs/names.h"

namespace sfs {
namespace {

constexpr int max_attempts = 100;

// The kernel's structure, with room for the bytes behind it.
class kernel_handle {
 public:
  explicit kernel_handle(std::uint32_t size) noexcept { head()->handle_bytes = size; }
  struct file_handle* head() noexcept {
    return reinterpret_cast<struct file_handle*>(room_);
  }

 private:
  alignas(struct file_handle) unsigned char room_[sizeof(struct file_handle) +
                                                  inner_handle::max_bytes] = {};
};

bool make_handle(int fd, inner_handle& out) noexcept {
  kernel_handle h(inner_handle::max_bytes);
  int mount = 0;
  if (::name_to_handle_at(fd, "", h.head(), &mount, AT_EMPTY_PATH) < 0) return false;
  out.type = static_cast<std::uint32_t>(h.head()->handle_type);
  out.bytes = decltype(out.bytes)({h.head()->f_handle, h.head()->handle_bytes});
  return true;
}

// While a file is being made that has the number of one that is gone, ext4 says ENOMEM to the old
// handle (some 3 in 10,000 times on a disk where files come and go). The maker is done within a few
// attempts.
fd_owner open_handle(int mount, const inner_handle& handle) noexcept {
  kernel_handle h(handle.bytes.size);
  h.head()->handle_type = static_cast<int>(handle.type);
  std::memcpy(h.head()->f_handle, handle.bytes.held, handle.bytes.size);
  for (int attempts = max_attempts;; std::this_thread::yield()) {
    fd_owner fd(::open_by_handle_at(mount, h.head(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (fd || errno != ENOMEM || --attempts == 0) return fd;
  }
}

// Where the kernel says that an open file is; empty if it cannot say.
std::string path_of(int fd) {
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t n = ::readlink(link.c_str(), path, sizeof path);
  if (n < 0 || static_cast<std::size_t>(n) == sizeof path) return {};
  return {path, static_cast<std::size_t>(n)};
}

class kernel_names_impl final : public file_names {
 public:
  explicit kernel_names_impl(fd_owner root) : root_(std::move(root)) {
    root_path_ = path_of(root_.get());
    get_attributes(root_.get(), root_attributes_);
  }

  bool any_thread() const noexcept override { return true; }

  nfsstat3 make(const inner_handle&, std::string_view, int path_fd, const struct statx&,
                inner_handle& out) override {
    return make_handle(path_fd, out) ? NFS3_OK : status_of_errno(errno);
  }

  nfsstat3 make_for_ancestor(int path_fd, const struct statx&, inner_handle& out) override {
    return make_handle(path_fd, out) ? NFS3_OK : status_of_errno(errno);
  }

  located open(const inner_handle& handle) override {
    located l;
    l.path_fd = open_handle(root_.get(), handle);
    if (!l.path_fd) return located::none(errno == ESTALE ? NFS3ERR_STALE : status_of_errno(errno));
    if (!get_attributes(l.path_fd.get(), l.attributes))
      return located::none(status_of_errno(errno));
    if (l.is_directory() && !is_beneath(l.path_fd.get())) return located::none(NFS3ERR_STALE);
    l.name = handle;
    l.status = NFS3_OK;
    return l;
  }

 private:
  bool is_beneath(int directory) {
    const std::string path = path_of(directory);
    return has_prefix(path) || climbs_to_root(directory);
  }

  // What is usual: the root is where it was when the server started.
  bool has_prefix(std::string_view path) const noexcept {
    return !root_path_.empty() && path.starts_with(root_path_) &&
           (path.size() == root_path_.size() || path[root_path_.size()] == '/' ||
            root_path_ == "/");
  }

  // When the root was moved, and for paths that are longer than the kernel can say.
  bool climbs_to_root(int directory) const noexcept {
    constexpr int max_depth = 4096;
    fd_owner at(::openat(directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct statx before {
    }, now{};
    for (int i = 0; i < max_depth && at && get_attributes(at.get(), now); ++i) {
      if (now.stx_ino == root_attributes_.stx_ino && same_device(now)) return true;
      if (!same_device(now) || (i > 0 && now.stx_ino == before.stx_ino)) return false;
      before = now;
      at = fd_owner(::openat(at.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    return false;
  }

  bool same_device(const struct statx& s) const noexcept {
    return s.stx_dev_major == root_attributes_.stx_dev_major &&
           s.stx_dev_minor == root_attributes_.stx_dev_minor;
  }

  fd_owner root_;
  struct statx root_attributes_ {};
  std::string root_path_;
};

}  // namespace

std::unique_ptr<file_names> kernel_names(int root) {
  // Not an O_PATH descriptor: the kernel does not take one to say which file system is meant.
  fd_owner own(::openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  inner_handle h;
  if (!own || !make_handle(own.get(), h) || !open_handle(own.get(), h)) return nullptr;
  return std::make_unique<kernel_names_impl>(std::move(own));
}

}  // namespace sfs
