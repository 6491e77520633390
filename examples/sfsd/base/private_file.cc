// See private_file.h.
#include "examples/sfsd/base/private_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "examples/sfsd/base/fd.h"

namespace sfs {
namespace {

std::string why_not(const std::string& path) { return path + ": " + system_reason(); }

bool same(const timespec& a, const timespec& b) noexcept {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// Empty if nobody can do with the file what he must not.
std::string why_unsafe(const struct stat& st, allows_others allowed) {
  if (!S_ISREG(st.st_mode)) return "not a regular file";
  if (allowed == allows_others::nothing && (st.st_mode & 077) != 0)
    return "others may read or write this key; chmod 600 it";
  if (allowed == allows_others::reading && (st.st_mode & 022) != 0)
    return "others may write this file; chmod go-w it";
  if (allowed == allows_others::reading && st.st_uid != 0 && st.st_uid != ::geteuid())
    return "this file belongs to another user, who could change it";
  return {};
}

// Fills the text as far as the file reaches. False with errno.
bool fill(int fd, secret_text& text) noexcept {
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t n = ::read(fd, text.data() + filled, text.size() - filled);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) break;
    filled += static_cast<std::size_t>(n);
  }
  text.cut(filled);
  return true;
}

// A rename is safe when the directory is on the disk.
bool sync_directory_of(const std::string& path) noexcept {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const fd_owner fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  return fd && ::fsync(fd.get()) == 0;
}

}  // namespace

file_version file_version::of(const struct stat& st) noexcept {
  return {st.st_dev, st.st_ino, st.st_size, st.st_ctim, st.st_mtim};
}

bool file_version::operator==(const file_version& other) const noexcept {
  return device == other.device && inode == other.inode && size == other.size &&
         same(changed, other.changed) && same(modified, other.modified);
}

outcome<secret_text> read_small_file(const std::string& path, std::size_t most,
                                     allows_others allowed, file_version* version) {
  const fd_owner file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
  struct stat st;
  if (!file || ::fstat(file.get(), &st) < 0) return failure{why_not(path)};
  if (const std::string why = why_unsafe(st, allowed); !why.empty())
    return failure{path + ": " + why};
  secret_text text(std::min(most, static_cast<std::size_t>(st.st_size)) + 1);
  if (!fill(file.get(), text)) return failure{why_not(path)};
  if (text.size() > most)
    return failure{path + ": longer than the " + std::to_string(most) + " bytes that are allowed"};
  if (text.size() > static_cast<std::size_t>(st.st_size))
    return failure{path + ": it is being changed"};
  if (version) *version = file_version::of(st);
  return text;
}

bool write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::string write_new_file(const std::string& path, std::string_view text, mode_t mode) {
  const fd_owner file{
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & S_IRWXU)};
  if (!file) return why_not(path);
  if (::fchmod(file.get(), mode) == 0 && write_all(file.get(), text) && ::fsync(file.get()) == 0)
    return {};
  const std::string why = why_not(path);
  ::unlink(path.c_str());
  return why;
}

std::string replace_file(const std::string& path, std::string_view text, const struct stat& old) {
  std::string part = path + ".XXXXXX";
  const fd_owner file{::mkostemp(part.data(), O_CLOEXEC)};
  if (!file) return why_not(path);
  // The owner first: changing him takes away bits of the mode. He is left alone if he is right
  // already, since only root may say so.
  struct stat now;
  const bool ready = ::fstat(file.get(), &now) == 0 &&
                     ((now.st_uid == old.st_uid && now.st_gid == old.st_gid) ||
                      ::fchown(file.get(), old.st_uid, old.st_gid) == 0) &&
                     ::fchmod(file.get(), old.st_mode & 07777) == 0 &&
                     write_all(file.get(), text) && ::fsync(file.get()) == 0 &&
                     ::rename(part.c_str(), path.c_str()) == 0;
  if (ready) return sync_directory_of(path) ? std::string() : why_not(path);
  const std::string why = why_not(path);
  ::unlink(part.c_str());
  return why;
}

}  // namespace sfs
