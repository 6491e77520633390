// See write_behind.h. Here are those who wait: for room, for the server, for its disk.
#include <algorithm>
#include <iterator>

#include "examples/sfsd/mount/write_behind.h"

namespace sfs {
namespace {

void move_to(std::vector<write_behind::done>& ready, std::vector<write_behind::done>& waiters) {
  std::move(waiters.begin(), waiters.end(), std::back_inserter(ready));
  waiters.clear();
}

}  // namespace

void write_behind::write(const async::ref<inode>& i, std::uint64_t offset, const_bytes data,
                         async::ptr<write_block> owner, done d, question wanted) {
  file& f = file_of(i);
  forget_unwanted(f);
  if (f.writes.empty() && !f.has_waiters() && kept() < limits_.memory) {
    accept(f, offset, data, std::move(owner));
    d();
    return pump();
  }
  if (!owner) {
    owner = async::make_ref<write_block>(std::max<std::size_t>(data.size(), 1), memory_);
    std::copy(data.begin(), data.end(), owner->data());
    data = {owner->data(), data.size()};
  }
  waiting_ += owner->capacity();
  f.writes.push_back({offset, data, std::move(owner), std::move(d), std::move(wanted)});
  blocked_.insert(i.get());
  relieve();
  pump();
}

// Who was interrupted while he waited has written nothing, and may ask again as often as he likes.
void write_behind::forget_unwanted(file& f) {
  std::erase_if(f.writes, [this](const waiting_write& w) {
    const bool unwanted = w.wanted && !w.wanted();
    if (unwanted) waiting_ -= w.block->capacity();
    return unwanted;
  });
  if (f.writes.empty()) blocked_.erase(f.of.get());
}

// Lets those in whose turn it is. At least one gets in when nothing is kept of the file.
void write_behind::admit_writes(file& f, std::vector<done>& ready) {
  forget_unwanted(f);
  while (!f.writes.empty() && !f.has_waiters() &&
         (kept() < limits_.memory || f.data().is_clean())) {
    waiting_write w = std::move(f.writes.front());
    f.writes.pop_front();
    waiting_ -= w.block->capacity();
    accept(f, w.offset, w.data, std::move(w.block));
    ready.push_back(std::move(w.d));
  }
  if (f.writes.empty()) blocked_.erase(f.of.get());
}

void write_behind::flush(const async::ref<inode>& i, done d) {
  if (!files_.contains(i.get())) return d();
  file& f = file_of(i);
  f.flushes.push_back(std::move(d));
  attend(f);
  pump();
}

void write_behind::sync(const async::ref<inode>& i, done d) {
  if (!files_.contains(i.get())) return d();
  file& f = file_of(i);
  f.syncs.push_back(std::move(d));
  attend(f);
  pump();
}

// WRITEs of what remains may pass the change of the size: the result is the same. Those that reach
// beyond may not.
void write_behind::truncate(const async::ref<inode>& i, std::uint64_t size, done d) {
  if (!files_.contains(i.get())) return d();
  file_of(i).data().truncate(size);
  flush(i, std::move(d));
}

void write_behind::forget(inode& i) {
  const auto at = files_.find(&i);
  if (at == files_.end()) return;
  at->second->data().drop();
  attend(*at->second);
}

void write_behind::serve_waiters(file& f, std::vector<done>& ready) {
  if (f.data().has_unacknowledged()) return;
  move_to(ready, f.flushes);
  if (f.syncs.empty()) return;
  if (!f.data().has_uncommitted()) {
    move_to(ready, f.syncs);
  } else if (!f.committing) {
    commit(f);
  }
}

// After anything has happened to a file. It may be gone then. Who has waited is called last, when
// he may do anything.
void write_behind::attend(file& f) {
  std::vector<done> ready;
  serve_waiters(f, ready);
  admit_writes(f, ready);
  const async::ref<inode> i = f.of;
  if (f.data().is_clean() && f.writes.empty() && !f.has_waiters() && !f.committing) {
    if (f.is_linked()) sending_.erase(sending_.iterator_to(f));
    i->dirty = nullptr;
    files_.erase(i.get());
  }
  if (files_.empty()) move_to(ready, finishers_);
  for (const done& d : ready) d();
}

// There may be room for those who wait to write to other files.
void write_behind::attend_blocked() {
  if (blocked_.empty() || kept() >= limits_.memory) return;
  const std::vector<inode*> all(blocked_.begin(), blocked_.end());
  for (inode* i : all)
    if (const auto at = files_.find(i); at != files_.end()) attend(*at->second);
}

void write_behind::finish(done d) {
  if (files_.empty()) return d();
  finishers_.push_back(std::move(d));
  std::vector<async::ref<inode>> all;
  for (const auto& [i, f] : files_) all.push_back(f->of);
  for (const auto& i : all) sync(i, [] {});
}

std::vector<async::ref<inode>> write_behind::unstored() const {
  std::vector<async::ref<inode>> all;
  for (const auto& [i, f] : files_)
    if (f->data().has_queued() || f->data().sent() > 0 || f->data().has_uncommitted())
      all.push_back(f->of);
  return all;
}

}  // namespace sfs
