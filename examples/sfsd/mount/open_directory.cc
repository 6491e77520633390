// See open_directory.h.
#include "examples/sfsd/mount/open_directory.h"

#include <algorithm>

namespace sfs {
namespace {

constexpr std::size_t longest_name = 1024;  // that FUSE takes

bool is_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= longest_name &&
         name.find_first_of(std::string_view("/\0", 2)) == name.npos;
}

}  // namespace

bool open_directory::begin(std::uint64_t cookie, const cookieverf3& verifier, bool eof,
                           const reply_token& token) {
  entries_.clear();
  first_ = last_ = cookie;
  eof_ = eof;
  filled_ = true;
  std::memcpy(verifier_, verifier, sizeof verifier_);
  token_ = token;
  return true;
}

// The kernel's positions have a sign.
bool open_directory::add(std::uint64_t number, const filename3& name, std::uint64_t cookie) {
  if (cookie > INT64_MAX || cookie == 0 || cookie == last_) return false;
  last_ = cookie;
  if (!is_name(text_of(name))) return true;
  entries_.push_back({std::string(text_of(name)), number, cookie, {}, {}});
  return true;
}

// A server that gives nothing new and does not say that this was all would be asked for ever.
bool open_directory::made_progress() const noexcept { return eof_ || last_ != first_; }

bool open_directory::take(std::uint64_t cookie, const READDIR3resok& from,
                          const reply_token& token) {
  begin(cookie, from.cookieverf, from.reply.eof, token);
  for (const entry3* e = from.reply.entries; e; e = e->nextentry)
    if (!add(e->fileid, e->name, e->cookie)) return false;
  return made_progress();
}

bool open_directory::take(std::uint64_t cookie, const READDIRPLUS3resok& from,
                          const reply_token& token) {
  begin(cookie, from.cookieverf, from.reply.eof, token);
  for (const entryplus3* e = from.reply.entries; e; e = e->nextentry) {
    const std::size_t before = entries_.size();
    if (!add(e->fileid, e->name, e->cookie)) return false;
    if (entries_.size() == before) continue;
    entry& made = entries_.back();
    if (e->name_attributes.attributes_follow)
      made.attributes = e->name_attributes.post_op_attr_u.attributes;
    if (e->name_handle.handle_follows && e->name_handle.post_op_fh3_u.handle.data.data_len > 0)
      made.handle = file_key(bytes_of(e->name_handle.post_op_fh3_u.handle));
  }
  return made_progress();
}

std::optional<std::size_t> open_directory::position(std::uint64_t cookie) const noexcept {
  if (!filled_) return std::nullopt;
  if (cookie == first_ && (first_ != last_ || eof_)) return 0;
  if (cookie == last_) return eof_ ? std::optional(entries_.size()) : std::nullopt;
  const auto at = std::find_if(entries_.begin(), entries_.end(),
                               [cookie](const entry& e) { return e.cookie == cookie; });
  if (at == entries_.end()) return std::nullopt;
  return static_cast<std::size_t>(at - entries_.begin()) + 1;
}

}  // namespace sfs
