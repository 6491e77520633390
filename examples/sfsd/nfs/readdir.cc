// See readdir.h.
#include "examples/sfsd/nfs/readdir.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "examples/sfsd/nfs/attributes.h"
#include "examples/sfsd/nfs/serve.h"

namespace sfs {
namespace {

// What a reply takes besides its entries: status, attributes, verifier, the list's end and eof.
constexpr std::size_t reply_overhead = 4 + attributes_size + 8 + 4 + 4;
// An entry besides its name: that there is one, fileid, length, cookie; attributes and handle.
constexpr std::size_t names_overhead = 4 + 8 + 4 + 8;
constexpr std::size_t plus_overhead = names_overhead + attributes_size + 8 + max_sealed_handle;

constexpr std::size_t padded(std::size_t name) noexcept { return (name + 3) & ~std::size_t{3}; }

}  // namespace

nfsstat3 directory_page::read(const call_context& c, const located& directory, std::uint64_t cookie,
                              std::uint32_t count, with what) {
  entry_overhead_ = what == with::names ? names_overhead : plus_overhead;
  const std::size_t allowed = std::min(count, readdir_max_reply);
  if (allowed < reply_overhead + entry_overhead_ + padded(1)) return NFS3ERR_TOOSMALL;
  budget_ = allowed - reply_overhead;
  if (cookie > INT64_MAX) return NFS3ERR_BAD_COOKIE;
  nfsstat3 status = NFS3_OK;
  const fd_owner fd = c.tree.reopen(directory, O_RDONLY | O_DIRECTORY, c.who, status);
  if (!fd) return status;
  if (cookie != 0 && ::lseek(fd.get(), static_cast<off_t>(cookie), SEEK_SET) < 0)
    return NFS3ERR_BAD_COOKIE;
  // The root's parent is not shown: it is the root itself.
  const std::uint64_t parent = c.tree.is_root(directory) ? directory.attributes.stx_ino : 0;
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
    status = take(buffer_.data() + filled, static_cast<std::size_t>(n), parent);
    if (status != NFS3_OK) return status;
    filled += static_cast<std::size_t>(n);
  }
  if (what == with::attributes) look_up_all(c, directory);
  return NFS3_OK;
}

nfsstat3 directory_page::take(const std::uint8_t* buffer, std::size_t size,
                              std::uint64_t number_of_parent) {
  for (std::size_t at = 0; at < size && !full_;) {
    const auto* d = reinterpret_cast<const dirent64*>(buffer + at);
    const std::size_t length = std::strlen(d->d_name);
    const std::size_t needed = entry_overhead_ + padded(length);
    if (needed > budget_) {
      full_ = true;
      return entries_.empty() ? NFS3ERR_TOOSMALL : NFS3_OK;
    }
    budget_ -= needed;
    const bool shown_otherwise = number_of_parent && std::string_view(d->d_name) == "..";
    entry3 e;
    e.fileid = shown_otherwise ? number_of_parent : d->d_ino;
    e.name = {static_cast<u_int>(length), const_cast<char*>(d->d_name)};
    e.cookie = static_cast<std::uint64_t>(d->d_off);
    e.nextentry = nullptr;
    entries_.push_back(e);
    at += d->d_reclen;
  }
  return NFS3_OK;
}

// An entry that is gone meanwhile, or may not be looked up, has a name only.
void directory_page::look_up_all(const call_context& c, const located& directory) {
  plus_.reserve(entries_.size());
  for (const entry3& e : entries_) {
    entryplus3 p{e.fileid, e.name, e.cookie, no_attributes(), {FALSE, {}}, nullptr};
    if (const located l = c.tree.look_up(directory, text_of(e.name), c.who); l.status == NFS3_OK) {
      sealed_handle& handle = handles_.emplace_back(c.tree.handle_of(l));
      c.shown(handle.view());
      p.name_attributes = attributes_after(l.attributes);
      p.name_handle.handle_follows = TRUE;
      p.name_handle.post_op_fh3_u.handle = as_handle(handle);
    }
    plus_.push_back(p);
  }
}

dirlist3 directory_page::list() noexcept {
  for (std::size_t i = 1; i < entries_.size(); ++i) entries_[i - 1].nextentry = &entries_[i];
  return {entries_.empty() ? nullptr : entries_.data(), eof_};
}

dirlistplus3 directory_page::list_plus() noexcept {
  for (std::size_t i = 1; i < plus_.size(); ++i) plus_[i - 1].nextentry = &plus_[i];
  return {plus_.empty() ? nullptr : plus_.data(), eof_};
}

namespace {

// Positions stay good as long as the directory is the same one: that is what the verifier says.
void make_verifier(const located& directory, cookieverf3& verifier) noexcept {
  const auto& a = directory.attributes;
  const std::uint64_t born =
      (a.stx_mask & STATX_BTIME) != 0
          ? static_cast<std::uint64_t>(a.stx_btime.tv_sec) * 1'000'000'000 + a.stx_btime.tv_nsec
          : 0;
  store_be64(reinterpret_cast<std::uint8_t*>(verifier), a.stx_ino ^ born);
}

// What READDIR and READDIRPLUS have in common.
template <class Args, class Ok>
nfsstat3 read_page(const call_context& c, Args& args, Ok& ok, std::uint32_t count,
                   directory_page::with what, directory_page& page) {
  const located l = find(c, args.dir, ok.dir_attributes);
  if (l.status != NFS3_OK) return l.status;
  if (!l.is_directory()) return NFS3ERR_NOTDIR;
  make_verifier(l, ok.cookieverf);
  if (args.cookie != 0 && std::memcmp(args.cookieverf, ok.cookieverf, sizeof ok.cookieverf) != 0)
    return NFS3ERR_BAD_COOKIE;
  return page.read(c, l, args.cookie, count, what);
}

}  // namespace

void read_directory(const call_context& c, READDIR3args& args, readdir_result& out) {
  auto& ok = out.res.READDIR3res_u.resok;
  out.res.status = read_page(c, args, ok, args.count, directory_page::with::names, out.page);
  if (out.res.status == NFS3_OK) ok.reply = out.page.list();
}

void read_directory_plus(const call_context& c, READDIRPLUS3args& args, readdirplus_result& out) {
  auto& ok = out.res.READDIRPLUS3res_u.resok;
  out.res.status =
      read_page(c, args, ok, args.maxcount, directory_page::with::attributes, out.page);
  if (out.res.status == NFS3_OK) ok.reply = out.page.list_plus();
}

}  // namespace sfs
