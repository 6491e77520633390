// See export.h.
#include "examples/sfsd/nfs/export.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "examples/sfsd/channel/kdf.h"
#include "examples/sfsd/nfs/table_names.h"

namespace sfs {
namespace {

constexpr std::size_t max_name = 255;

// The key for the handles of one export: another root gives another one.
secret32 key_for(const secret32& key, const inner_handle& root, const struct statx& attributes) {
  std::string label = "sfs1 handles of export ";
  label.append(reinterpret_cast<const char*>(root.bytes.held), root.bytes.size);
  label += '|' + std::to_string(attributes.stx_dev_major) + ':' +
           std::to_string(attributes.stx_dev_minor) + ':' + std::to_string(attributes.stx_ino);
  secret32 made;
  hkdf_expand(key.span(), label, made.span());
  return made;
}

}  // namespace

fd_path::fd_path(int fd) noexcept { std::snprintf(text_, sizeof text_, "/proc/self/fd/%d", fd); }

nfsstat3 check_name(std::string_view name, bool dots) noexcept {
  if (name.size() > max_name) return NFS3ERR_NAMETOOLONG;
  if (name.empty() || name.find('/') != name.npos || name.find('\0') != name.npos)
    return NFS3ERR_INVAL;
  if (!dots && (name == "." || name == "..")) return NFS3ERR_INVAL;
  return NFS3_OK;
}

bool everybody_may(const struct statx& file, unsigned other_bits) noexcept {
  return (file.stx_mode & other_bits) == other_bits;
}

export_tree::export_tree(fd_owner root, std::unique_ptr<file_names> names,
                         const inner_handle& root_name, const secret32& key, const options& o)
    : options_(o),
      root_(std::move(root)),
      names_(std::move(names)),
      root_name_(root_name),
      sealer_(key) {}

outcome<std::unique_ptr<export_tree>> export_tree::open(const std::string& directory,
                                                        const secret32& key, const options& o) {
  fd_owner root(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct statx attributes {};
  if (!root || !get_attributes(root.get(), attributes))
    return failure{directory + ": " + system_reason()};
  std::unique_ptr<file_names> names;
  if (o.kernel_handles && can_act()) names = kernel_names(root.get());
  if (!names) {
    auto table = table_names(root.get(), attributes, o.max_nodes, o.handle_table);
    if (!table) return table.as_failure();
    names = std::move(*table);
  }
  inner_handle root_name;
  if (names->make_for_ancestor(root.get(), attributes, root_name) != NFS3_OK)
    return failure{directory + ": it cannot be named: " + system_reason()};
  return std::unique_ptr<export_tree>(new export_tree(std::move(root), std::move(names), root_name,
                                                      key_for(key, root_name, attributes), o));
}

located export_tree::find(const_bytes handle) {
  const auto name = sealer_.open(handle);
  return name ? names_->open(*name) : located::none(NFS3ERR_BADHANDLE);
}

located export_tree::look_up(const located& directory, std::string_view name,
                             const principal& who) {
  if (!directory.is_directory()) return located::none(NFS3ERR_NOTDIR);
  if (who.anonymous && !everybody_may(directory.attributes, S_IXOTH))
    return located::none(NFS3ERR_ACCES);
  if (const nfsstat3 bad = check_name(name, true)) return located::none(bad);
  if (name == ".." && !is_root(directory)) return parent_of(directory, who);
  const std::string text(name == ".." ? "." : name);
  located l;
  {
    const acting as(who);
    l.path_fd = open_beneath(directory.path_fd.get(), text.c_str(), O_PATH);
    if (!l.path_fd) return located::none(status_of_errno(errno));
  }
  if (!get_attributes(l.path_fd.get(), l.attributes)) return located::none(status_of_errno(errno));
  if (text == ".") {
    l.name = directory.name;
    l.status = NFS3_OK;
  } else {
    l.status = names_->make(directory.name, name, l.path_fd.get(), l.attributes, l.name);
  }
  return l;
}

// The directory may have been moved out of the export while it was being used: what is above it is
// only shown if the root is above that.
located export_tree::parent_of(const located& directory, const principal& who) {
  located l;
  {
    const acting as(who);
    l.path_fd = fd_owner(
        ::openat(directory.path_fd.get(), "..", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!l.path_fd) return located::none(status_of_errno(errno));
  }
  if (!get_attributes(l.path_fd.get(), l.attributes)) return located::none(status_of_errno(errno));
  inner_handle name;
  const nfsstat3 made = names_->make_for_ancestor(l.path_fd.get(), l.attributes, name);
  return made == NFS3_OK ? names_->open(name) : located::none(made);
}

located export_tree::walk(std::string_view path, const principal& who) {
  located at = names_->open(root_name_);
  while (at.status == NFS3_OK && !path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
    if (!name.empty()) at = look_up(at, name, who);
  }
  if (at.status == NFS3_OK && !at.is_directory()) return located::none(NFS3ERR_NOTDIR);
  return at;
}

namespace {

// No path is used, so nothing can be put in the file's place meanwhile.
fd_owner open_again(const located& file, int flags) noexcept {
  constexpr int always = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;  // opening it has no effect
  return fd_owner(::open(fd_path(file.path_fd.get()).c_str(), flags | always));
}

// Of a server that is not root: it gives itself, as the owner, the right that it needs, and takes
// it back at once. So who makes a file that nobody may write can write what belongs into it.
fd_owner open_as_owner(const located& file, int flags) noexcept {
  const fd_path path(file.path_fd.get());
  const mode_t mode = file.attributes.stx_mode & 07777;
  if (::chmod(path.c_str(), mode | S_IRUSR | S_IWUSR) < 0) return {};
  fd_owner fd = open_again(file, flags);
  const int why = errno;
  if (::chmod(path.c_str(), mode) < 0) return {};
  errno = why;
  return fd;
}

}  // namespace

fd_owner export_tree::reopen(const located& file, int flags, const principal& who,
                             nfsstat3& status) const {
  status = NFS3_OK;
  const bool for_reading = (flags & O_ACCMODE) == O_RDONLY;
  if (who.anonymous && !(for_reading && everybody_may(file.attributes, S_IROTH))) {
    status = NFS3ERR_ACCES;
    return {};
  }
  fd_owner fd;
  bool may_execute = false;
  {
    const acting as(who);
    fd = open_again(file, flags);
    if (fd) return fd;
    status = status_of_errno(errno);
    if (errno != EACCES || !S_ISREG(file.attributes.stx_mode)) return fd;
    may_execute =
        for_reading && ::faccessat(file.path_fd.get(), "", X_OK, AT_EMPTY_PATH | AT_EACCESS) == 0;
  }
  if (!can_act()) {
    if (read_only() || file.attributes.stx_uid != ::geteuid()) return fd;
    fd = open_as_owner(file, flags);
  } else {
    if (who.account.uid != file.attributes.stx_uid && !may_execute) return fd;
    fd = open_again(file, flags);
  }
  status = fd ? NFS3_OK : status_of_errno(errno);
  return fd;
}

}  // namespace sfs
