// See leases.h.
#include "examples/sfsd/server/leases.h"

#include <algorithm>

namespace sfs {

void lease_table::join(holder& h) noexcept {
  if (h.joined_) return;
  h.joined_ = true;
  holders_.fetch_add(1, std::memory_order_seq_cst);  // before the first look: see anyone()
}

void lease_table::leave(holder& h) noexcept {
  if (!h.joined_) return;
  h.joined_ = false;
  holders_.fetch_sub(1, std::memory_order_relaxed);
  while (!h.leases_.empty()) end(h.leases_.front());
  // The address may be another holder's next.
  for (changed& c : recent_)
    if (c.by == &h) c.by = nullptr;
}

void lease_table::end(lease& l) noexcept {
  watched* const file = l.file;
  l.who->leases_.erase(l.who->leases_.iterator_to(l));
  file->leases.erase(file->leases.iterator_to(l));
  l.who->by_file_.erase(file);
  if (file->leases.empty()) files_.erase(files_.find(key_of(file->handle)));
}

void lease_table::expire(holder& h, clock::time_point now) noexcept {
  while (!h.leases_.empty() && h.leases_.front().until <= now) end(h.leases_.front());
}

bool lease_table::has_changed(const holder& h, const sealed_handle& file,
                              std::uint64_t seen) const noexcept {
  if (seen == last_.load(std::memory_order_relaxed)) return false;  // it only changes in our color
  if (recent_.empty() || recent_.front().number > seen + 1) return true;  // perhaps
  for (auto c = recent_.rbegin(); c != recent_.rend() && c->number > seen; ++c)
    if (c->by != &h && c->file == file) return true;
  return false;
}

void lease_table::show(holder& h, std::span<const sealed_handle> files, std::uint64_t seen,
                       clock::time_point now) {
  if (!h.joined_) return;
  expire(h, now);
  h.to_tell_.clear();
  for (const sealed_handle& f : files) {
    if (has_changed(h, f, seen)) {
      h.to_tell_.push_back(f);
    } else {
      grant(h, f, now);
    }
  }
  while (h.leases_.size() > max_leases) {
    h.to_tell_.push_back(h.leases_.front().file->handle);
    end(h.leases_.front());
  }
  if (!h.to_tell_.empty()) h.leases_ended(h.to_tell_);
}

void lease_table::grant(holder& h, const sealed_handle& file, clock::time_point now) {
  auto known = files_.find(key_of(file));
  if (known == files_.end()) {
    auto made = std::make_unique<watched>();
    made->handle = file;
    const std::string_view key = key_of(made->handle);
    known = files_.emplace(key, std::move(made)).first;
  }
  watched* const w = known->second.get();
  const auto [at, is_new] = h.by_file_.try_emplace(w);
  lease& l = at->second;
  if (is_new) {
    l.who = &h;
    l.file = w;
    w->leases.push_back(l);
    h.leases_.push_back(l);
  } else {
    h.leases_.splice(h.leases_.end(), h.leases_, h.leases_.iterator_to(l));
  }
  l.until = now + term_;
}

void lease_table::change(std::span<const sealed_handle> files, const holder* by,
                         clock::time_point now) {
  std::vector<holder*> told;
  for (const sealed_handle& f : files) {
    const std::uint64_t number = last_.load(std::memory_order_relaxed) + 1;
    recent_.push_back({number, f, by});
    if (recent_.size() > max_remembered) recent_.pop_front();
    last_.store(number, std::memory_order_release);
    const auto known = files_.find(key_of(f));
    if (known == files_.end()) continue;
    std::vector<lease*> ended;
    for (lease& l : known->second->leases)
      if (l.who != by) ended.push_back(&l);
    for (lease* l : ended) {
      holder& h = *l->who;
      if (l->until > now) {
        if (std::find(told.begin(), told.end(), &h) == told.end()) {
          h.to_tell_.clear();
          told.push_back(&h);
        }
        h.to_tell_.push_back(f);
      }
      end(*l);
    }
  }
  for (holder* h : told) h->leases_ended(h->to_tell_);
}

}  // namespace sfs
