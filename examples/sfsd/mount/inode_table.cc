// See inode_table.h. inode_names.cc has the directory entries.
#include "examples/sfsd/mount/inode_table.h"

#include <algorithm>

#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/mount/dirty_file.h"

namespace sfs {
namespace {

bool same_time(const nfstime3& a, const nfstime3& b) noexcept {
  return a.seconds == b.seconds && a.nseconds == b.nseconds;
}

bool same_data(const fattr3& a, const fattr3& b) noexcept {
  return a.size == b.size && same_time(a.mtime, b.mtime) && same_time(a.ctime, b.ctime);
}

}  // namespace

file_key::file_key(const_bytes handle) noexcept : size(static_cast<std::uint8_t>(handle.size())) {
  std::copy(handle.begin(), handle.end(), data.begin());
}

inode::inode(inode_table& table, std::uint64_t id, const file_key& key)
    : table_(table), id_(id), key_(key) {}

inode::~inode() { table_.remove(*this); }

// Seeded, because the server chooses the handles.
std::size_t inode_table::key_hash::operator()(const file_key& k) const noexcept {
  __extension__ using wide = unsigned __int128;
  std::uint64_t h = seed ^ k.size;
  for (std::size_t at = 0; at < k.size; at += 8) {
    const wide product = static_cast<wide>(h ^ load_be64(&k.data[at])) * (seed | 1);
    h = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  return h;
}

inode_table::inode_table(timing& time, cache_observer& observer)
    : time_(time), observer_(observer) {
  key_hash h{};
  h.seed = random_number<decltype(h.seed)>();
  by_key_ = decltype(by_key_)(0, h);
}

inode_table::~inode_table() {
  kept_.clear();
  root_ = nullptr;
}

async::ref<inode> inode_table::of(const_bytes handle) {
  const file_key key(handle);
  if (const auto found = by_key_.find(key); found != by_key_.end())
    return async::mkref(found->second);
  auto made = async::make_ref<inode>(*this, next_id_++, key);
  made->changed = all_changed_;
  made->run = run_;
  by_id_.emplace(made->id(), made.get());
  by_key_.emplace(key, made.get());
  if (!root_) root_ = made;
  return made;
}

async::ptr<inode> inode_table::find(std::uint64_t id) const noexcept {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return nullptr;
  return async::mkref(found->second);
}

void inode_table::looked_up(inode& i) {
  if (i.lookups_++ == 0) kept_.emplace(i.id(), async::mkref(&i));
}

void inode_table::forget(std::uint64_t id, std::uint64_t times) {
  const auto found = kept_.find(id);
  if (found == kept_.end()) return;
  inode& i = *found->second;
  i.lookups_ -= std::min(times, i.lookups_);
  if (i.lookups_ > 0) return;
  i.complete = {};  // who is not kept is not told when anything may have changed
  kept_.erase(found);
}

// What was changed before an inode went must not be believed when a late reply brings it back.
void inode_table::remove(inode& i) noexcept {
  while (!i.names.empty()) {
    directory_entry& e = i.names.front();
    e.directory->complete = {};
    drop_entry(*e.directory, e.directory->children.find(*e.name));
  }
  while (!i.children.empty()) drop_entry(i, i.children.begin());
  all_changed_ = std::max(all_changed_, i.changed);
  by_id_.erase(i.id());
  const auto at = by_key_.find(i.key());
  if (at != by_key_.end() && at->second == &i) by_key_.erase(at);
}

void inode_table::rename_handle(inode& i, const_bytes handle) {
  const auto at = by_key_.find(i.key_);
  if (at != by_key_.end() && at->second == &i) by_key_.erase(at);
  i.key_ = file_key(handle);
  i.run = run_;
  by_key_[i.key_] = &i;
}

// New attributes. If we would not have been told of somebody's change since the last ones, and the
// file looks changed, then what the kernel keeps of its data is too old: unless nobody has it open,
// and the kernel will forget it when somebody opens it.
void inode_table::set(inode& i, const fattr3& attributes, const reply_token& token) {
  if (i.seen && token.sent + term_ < i.until) return;  // a later call's reply came first
  const bool watched = time_.now() < i.watched;
  if (i.seen && !watched && !same_data(i.attributes, attributes) &&
      (i.opens > 0 || !i.data_stale)) {
    i.data_stale = true;
    observer_.data_changed(i);
  }
  i.attributes = attributes;
  i.seen = true;
  i.until = i.watched = token.sent + term_;
}

bool inode_table::store(inode& i, const fattr3& attributes, const reply_token& token) {
  if (attributes.type < NF3REG || attributes.type > NF3FIFO) return false;
  if (i.seen && i.attributes.type != attributes.type) return false;
  if (is_current(i, token)) {
    set(i, attributes, token);
  } else if (!i.is_trusted(time_.now())) {  // true at some time, but nothing to be believed
    i.attributes = attributes;
    i.seen = true;
  }
  return true;
}

void inode_table::changed(inode& i, const fattr3* after, const reply_token& token,
                          std::uint64_t number) {
  const bool current = is_current(i, token);
  i.changed = number;
  i.until = {};
  // Its lease tells of the others' changes whether or not these attributes came in time.
  if (after && i.watched > time_.now()) i.watched = std::max(i.watched, token.sent + term_);
  if (after && current && (!i.seen || after->type == i.attributes.type)) set(i, *after, token);
}

void inode_table::distrust(inode& i, std::uint64_t number) {
  i.changed = number;
  i.until = {};
  observer_.attributes_changed(i);
  distrust_names(i);
}

void inode_table::invalidate(std::span<const const_bytes> handles, std::uint64_t number) {
  if (handles.empty()) {
    all_changed_ = std::max(all_changed_, number);
    for (const auto& [id, i] : kept_) {
      i->watched = i->complete = {};
      if (i->until != clock::time_point{} || !i->children.empty()) distrust(*i, number);
    }
    return;
  }
  for (const const_bytes handle : handles) {
    if (handle.size() > NFS3_FHSIZE) continue;
    const auto found = by_key_.find(file_key(handle));
    if (found == by_key_.end()) {
      all_changed_ = std::max(all_changed_, number);
      continue;
    }
    const auto i = async::mkref(found->second);
    distrust(*i, number);
    i->data_stale = true;
    observer_.data_changed(*i);
  }
}

double inode_table::attributes_timeout(const inode& i) const noexcept {
  if (i.dirty && i.dirty->has_unacknowledged()) return 0;
  return seconds_until(i.until);
}

}  // namespace sfs
