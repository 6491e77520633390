// See export.h.
#include "examples/sfsd/nfs/export.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <openssl/rand.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace sfs {
namespace {

constexpr std::size_t max_name = 255;
constexpr unsigned wanted_attributes = STATX_BASIC_STATS | STATX_BTIME;

bool get_attributes(int fd, struct statx& out) noexcept {
  return ::statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, wanted_attributes, &out) == 0;
}

located not_found(nfsstat3 status) {
  located l;
  l.status = status;
  return l;
}

nfsstat3 check_name(std::string_view name) noexcept {
  if (name.size() > max_name) return NFS3ERR_NAMETOOLONG;
  if (name.empty() || name.find('/') != name.npos || name.find('\0') != name.npos)
    return NFS3ERR_INVAL;
  return NFS3_OK;
}

}  // namespace

file_identity identity_of(const struct statx& s) noexcept {
  const bool has_birth = (s.stx_mask & STATX_BTIME) != 0;
  return {std::uint64_t{s.stx_dev_major} << 32 | s.stx_dev_minor, s.stx_ino,
          has_birth ? s.stx_btime.tv_sec * 1'000'000'000 + s.stx_btime.tv_nsec : 0};
}

bool everybody_may(const struct statx& file, unsigned other_bits) noexcept {
  return (file.stx_mode & other_bits) == other_bits;
}

nfsstat3 status_of_errno(int error) noexcept {
  switch (error) {
    case EPERM:
      return NFS3ERR_PERM;
    case ENOENT:
      return NFS3ERR_NOENT;
    case EACCES:
    case ELOOP:  // a symbolic link in the way
    case EXDEV:  // a way out of the export
      return NFS3ERR_ACCES;
    case ENOTDIR:
      return NFS3ERR_NOTDIR;
    case EISDIR:
      return NFS3ERR_ISDIR;
    case EINVAL:
      return NFS3ERR_INVAL;
    case ENAMETOOLONG:
      return NFS3ERR_NAMETOOLONG;
    case ESTALE:
      return NFS3ERR_STALE;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:  // openat2: something was moved meanwhile
      return NFS3ERR_JUKEBOX;
    default:
      return NFS3ERR_IO;
  }
}

export_tree::export_tree(fd_owner root, const struct statx& root_attributes, secret32 key,
                         const options& o)
    : options_(o),
      root_(std::move(root)),
      sealer_(std::move(key)),
      nodes_(identity_of(root_attributes), o.max_nodes) {
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&run_), sizeof run_) != 1)
    openssl_broken("drawing a random number");
}

outcome<std::unique_ptr<export_tree>> export_tree::open(const std::string& directory, secret32 key,
                                                        const options& o) {
  fd_owner root(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct statx attributes {};
  if (!root || !get_attributes(root.get(), attributes))
    return failure{directory + ": " + system_reason()};
  return std::unique_ptr<export_tree>(
      new export_tree(std::move(root), attributes, std::move(key), o));
}

fd_owner export_tree::open_beneath(int at, const char* path, std::uint64_t flags) const noexcept {
  open_how how{};
  how.flags = flags | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return fd_owner(static_cast<int>(::syscall(SYS_openat2, at, path, &how, sizeof how)));
}

sealed_handle export_tree::handle_of(node_id node) const {
  return sealer_.seal({options_.id, run_, node});
}

located export_tree::find(const_bytes handle) {
  const auto content = sealer_.open(handle);
  if (!content || content->export_id != options_.id) return not_found(NFS3ERR_BADHANDLE);
  if (content->run != run_) return not_found(NFS3ERR_STALE);
  return find_node(content->node);
}

located export_tree::find_node(node_id node) {
  const auto known = nodes_.find(node);
  if (!known) return not_found(NFS3ERR_STALE);
  located l;
  l.path_fd = open_beneath(root_.get(), known->path.empty() ? "." : known->path.c_str(), O_PATH);
  if (!l.path_fd) {
    const nfsstat3 why = status_of_errno(errno);
    return not_found(why == NFS3ERR_JUKEBOX ? why : NFS3ERR_STALE);
  }
  if (!get_attributes(l.path_fd.get(), l.attributes)) return not_found(status_of_errno(errno));
  if (identity_of(l.attributes) != known->identity) return not_found(NFS3ERR_STALE);
  l.node = node;
  l.parent = known->parent;
  l.status = NFS3_OK;
  return l;
}

located export_tree::look_up(const located& directory, std::string_view name) {
  if (!S_ISDIR(directory.attributes.stx_mode)) return not_found(NFS3ERR_NOTDIR);
  if (!everybody_may(directory.attributes, S_IXOTH)) return not_found(NFS3ERR_ACCES);
  if (const nfsstat3 bad = check_name(name)) return not_found(bad);
  if (name == ".") return find_node(directory.node);
  if (name == "..") return find_node(directory.parent);
  const std::string text(name);
  located l;
  l.path_fd = open_beneath(directory.path_fd.get(), text.c_str(), O_PATH);
  if (!l.path_fd || !get_attributes(l.path_fd.get(), l.attributes))
    return not_found(status_of_errno(errno));
  const auto node = nodes_.remember(directory.node, name, identity_of(l.attributes));
  if (!node) return not_found(NFS3ERR_JUKEBOX);
  l.node = *node;
  l.parent = directory.node;
  l.status = NFS3_OK;
  return l;
}

located export_tree::walk(std::string_view path) {
  located at = find_node(node_table::root_id);
  while (at.status == NFS3_OK && !path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
    if (!name.empty()) at = look_up(at, name);
  }
  if (at.status == NFS3_OK && !S_ISDIR(at.attributes.stx_mode)) return not_found(NFS3ERR_NOTDIR);
  return at;
}

async::ptr<open_file> export_tree::open_for_reading(const_bytes handle, nfsstat3& status) {
  const located l = find(handle);
  status = l.status;
  if (status != NFS3_OK) return nullptr;
  const unsigned mode = l.attributes.stx_mode;
  if (!S_ISREG(mode)) {
    status = S_ISDIR(mode) ? NFS3ERR_ISDIR : NFS3ERR_INVAL;
    return nullptr;
  }
  if (!everybody_may(l.attributes, S_IROTH)) {
    status = NFS3ERR_ACCES;
    return nullptr;
  }
  for (auto i = open_files_.begin(); i != open_files_.end(); ++i) {
    if (i->node != l.node) continue;
    open_files_.splice(open_files_.begin(), open_files_, i);
    return i->file;
  }
  // The descriptor that names the file is opened again for reading: no path, so nothing can be put
  // in its place meanwhile, and it is known to be a regular file, so opening it has no effect.
  const std::string self = "/proc/self/fd/" + std::to_string(l.path_fd.get());
  fd_owner fd(::open(self.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) {
    status = status_of_errno(errno);
    return nullptr;
  }
  auto file = async::make_ref<open_file>(std::move(fd));
  if (open_files_.size() >= options_.max_open_files) open_files_.pop_back();
  open_files_.push_front({l.node, file});
  return file;
}

fd_owner export_tree::open_directory(const located& directory) const {
  return open_beneath(directory.path_fd.get(), ".", O_RDONLY | O_DIRECTORY);
}

}  // namespace sfs
