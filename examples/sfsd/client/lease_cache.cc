// See lease_cache.h.
#include "examples/sfsd/client/lease_cache.h"

#include <algorithm>

#include "examples/sfsd/base/openssl.h"

namespace sfs {
namespace {

// Both halves of the product: every bit of the result depends on every bit of both.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using wide = unsigned __int128;
  const wide product = static_cast<wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

bool is_possible(const fattr3& a) noexcept {
  return number_in(a.type) >= NF3REG && number_in(a.type) <= NF3FIFO;
}

}  // namespace

lease_cache::key::key(const_bytes handle) noexcept
    : size(static_cast<std::uint8_t>(handle.size())) {
  std::copy(handle.begin(), handle.end(), data.begin());
}

std::size_t lease_cache::hash::operator()(const key& k) const noexcept {
  std::uint64_t h = seed[0] ^ k.size;
  for (std::size_t at = 0; at < k.size; at += 8) h = mix(h ^ load_be64(&k.data[at]), seed[1]);
  return h;
}

lease_cache::lease_cache(timing& time, std::size_t most)
    : time_(time), most_(std::max<std::size_t>(most, 1)) {
  hash h{};
  for (auto& seed : h.seed) seed = random_number<std::uint64_t>();
  h.seed[1] |= 1;
  entries_ = decltype(entries_)(0, h);
}

lease_cache::~lease_cache() { recent_.clear(); }

void lease_cache::set_lease(std::chrono::seconds lease) {
  lease_ = lease;
  if (lease_.count() == 0) clear(all_changed_);
}

// The file's entry, which is new if there was none and is now the one that was used last.
lease_cache::entry& lease_cache::entry_of(const_bytes handle) {
  const auto [at, is_new] = entries_.try_emplace(key(handle));
  entry& e = at->second;
  if (is_new) {
    e.where = &at->first;
    e.changed = all_changed_;
  } else {
    recent_.erase(recent_.iterator_to(e));
  }
  recent_.push_front(e);
  if (entries_.size() > most_) {
    entry& oldest = recent_.back();
    unset(oldest);
    all_changed_ = std::max(all_changed_, oldest.changed);
    recent_.pop_back();
    entries_.erase(entries_.find(*oldest.where));
  }
  return e;
}

bool lease_cache::has_links(const entry& e) noexcept {
  return e.known && e.attributes.nlink > 1 && e.attributes.type != NF3DIR;
}

void lease_cache::set(entry& e, const fattr3& attributes, const reply_token& token) {
  if (!e.known || time_.now() >= e.until) e.access_asked = e.access_granted = 0;
  unset(e);
  e.known = true;
  e.attributes = attributes;
  e.until = token.sent + lease_;
  linked_ += has_links(e);
}

void lease_cache::unset(entry& e) noexcept {
  linked_ -= has_links(e);
  e.known = false;
}

void lease_cache::store(const_bytes handle, const fattr3& attributes, const reply_token& token) {
  if (lease_.count() == 0 || !fits(handle) || token.changes < all_changed_) return;
  if (!is_possible(attributes)) return;
  entry& e = entry_of(handle);
  if (token.changes >= e.changed) set(e, attributes, token);
}

// The file's entry, if its attributes are known and good.
lease_cache::entry* lease_cache::find_known(const_bytes handle) {
  if (!fits(handle)) return nullptr;
  const auto found = entries_.find(key(handle));
  if (found == entries_.end() || !found->second.known) return nullptr;
  entry& e = found->second;
  if (time_.now() >= e.until) {
    unset(e);
    return nullptr;
  }
  recent_.splice(recent_.begin(), recent_, recent_.iterator_to(e));
  return &e;
}

const fattr3* lease_cache::find(const_bytes handle) {
  const entry* e = find_known(handle);
  return e ? &e->attributes : nullptr;
}

void lease_cache::store_access(const_bytes handle, std::uint32_t asked, std::uint32_t granted,
                               const reply_token& token) {
  entry* e = find_known(handle);
  if (!e || token.changes < e->changed || token.changes < all_changed_) return;
  e->access_asked |= asked;
  e->access_granted = (e->access_granted & ~asked) | (granted & asked);
}

std::optional<std::uint32_t> lease_cache::find_access(const_bytes handle, std::uint32_t asked) {
  const entry* e = find_known(handle);
  if (!e || (asked & ~e->access_asked) != 0) return std::nullopt;
  return e->access_granted & asked;
}

void lease_cache::invalidate(std::span<const const_bytes> handles, std::uint64_t number) {
  if (handles.empty() || lease_.count() == 0) return clear(number);
  for (const const_bytes handle : handles) {
    if (!fits(handle)) continue;
    entry& e = entry_of(handle);
    unset(e);
    e.changed = number;
  }
}

void lease_cache::changed(const_bytes handle, const fattr3* after, const reply_token& token,
                          std::uint64_t number) {
  if (lease_.count() == 0 || !fits(handle)) return clear(number);
  entry& e = entry_of(handle);
  const bool overtaken = token.changes < e.changed || token.changes < all_changed_;
  unset(e);
  e.changed = number;
  if (after && !overtaken && is_possible(*after)) set(e, *after, token);
}

void lease_cache::changed_links(std::uint64_t number) {
  if (linked_ > 0) return clear(number);
  all_changed_ = std::max(all_changed_, number);
}

void lease_cache::clear(std::uint64_t number) {
  recent_.clear();
  entries_.clear();
  linked_ = 0;
  all_changed_ = std::max(all_changed_, number);
}

}  // namespace sfs
