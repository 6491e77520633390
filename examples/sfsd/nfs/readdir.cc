// See readdir.h.
#include "examples/sfsd/nfs/readdir.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace sfs {
namespace {

// What a reply takes besides its entries: status, attributes, verifier, the list's end and eof.
constexpr std::size_t reply_overhead = 4 + 4 + 84 + 8 + 4 + 4;

// An entry: that there is one, fileid, length and padded name, cookie.
constexpr std::size_t entry_size(std::size_t name) noexcept {
  return 4 + 8 + 4 + ((name + 3) & ~std::size_t{3}) + 8;
}

}  // namespace

nfsstat3 directory_page::read(const export_tree& tree, const located& directory,
                              std::uint64_t cookie, std::uint32_t count, bool root) {
  const std::size_t allowed = std::min(count, readdir_max_reply);
  if (allowed < reply_overhead + entry_size(1)) return NFS3ERR_TOOSMALL;
  budget_ = allowed - reply_overhead;
  if (cookie > INT64_MAX) return NFS3ERR_BAD_COOKIE;
  const fd_owner fd = tree.open_directory(directory);
  if (!fd) return status_of_errno(errno);
  if (cookie != 0 && ::lseek(fd.get(), static_cast<off_t>(cookie), SEEK_SET) < 0)
    return NFS3ERR_BAD_COOKIE;
  // Names are left where the kernel put them, so a second read goes behind the first. An entry is
  // no shorter there than as XDR, but for a few bytes; what does not fit the reply is read again
  // next time.
  buffer_.resize(allowed + sizeof(dirent64));
  std::size_t filled = 0;
  while (!full_ && !eof_) {
    const ssize_t n = ::getdents64(fd.get(), buffer_.data() + filled, buffer_.size() - filled);
    if (n < 0 && errno == EINVAL && filled > 0) break;  // no room for the next one in the buffer
    if (n < 0) return errno == ENOENT ? NFS3ERR_STALE : status_of_errno(errno);
    eof_ = n == 0;
    const nfsstat3 status = take(buffer_.data() + filled, static_cast<std::size_t>(n),
                                 directory.attributes.stx_ino, root);
    if (status != NFS3_OK) return status;
    filled += static_cast<std::size_t>(n);
  }
  return NFS3_OK;
}

nfsstat3 directory_page::take(const std::uint8_t* buffer, std::size_t size,
                              std::uint64_t own_number, bool root) {
  for (std::size_t at = 0; at < size && !full_;) {
    const auto* d = reinterpret_cast<const dirent64*>(buffer + at);
    const std::size_t length = std::strlen(d->d_name);
    const std::size_t needed = entry_size(length);
    if (needed > budget_) {
      full_ = true;
      return entries_.empty() ? NFS3ERR_TOOSMALL : NFS3_OK;
    }
    budget_ -= needed;
    const bool parent_of_root = root && std::string_view(d->d_name) == "..";
    entry3 e;
    e.fileid = parent_of_root ? own_number : d->d_ino;
    e.name = {static_cast<u_int>(length), const_cast<char*>(d->d_name)};
    e.cookie = static_cast<std::uint64_t>(d->d_off);
    e.nextentry = nullptr;
    entries_.push_back(e);
    at += d->d_reclen;
  }
  return NFS3_OK;
}

dirlist3 directory_page::list() noexcept {
  for (std::size_t i = 1; i < entries_.size(); ++i) entries_[i - 1].nextentry = &entries_[i];
  return {entries_.empty() ? nullptr : entries_.data(), eof_};
}

}  // namespace sfs
