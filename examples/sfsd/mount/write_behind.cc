// See write_behind.h. Here is what is sent; write_waiters.cc has those who wait.
#include "examples/sfsd/mount/write_behind.h"

#include <algorithm>
#include <cerrno>

#include "wrap/wrap.h"

namespace sfs {

write_behind::write_behind(write_target& target, timing& time, std::uint32_t piece_size,
                           write_limits limits)
    : target_(target), time_(time), piece_size_(piece_size), limits_(limits) {}

write_behind::~write_behind() {
  sending_.clear();
  for (auto& [i, f] : files_) i->dirty = nullptr;
}

write_behind::file& write_behind::file_of(const async::ref<inode>& i) {
  auto& f = files_[i.get()];
  if (!f) f = std::make_unique<file>(i);
  if (!i->dirty) i->dirty = std::make_unique<dirty_file>(memory_, piece_size_);
  return *f;
}

void write_behind::accept(file& f, std::uint64_t offset, const_bytes data,
                          async::ptr<write_block> owner) {
  if (!f.data().has_queued()) f.queued_since = time_.now();
  f.data().put(offset, data, std::move(owner));
  if (!f.is_linked()) sending_.push_back(f);
  tick_soon();
}

// Sends what may be sent, in turn, so that no file keeps the others waiting.
void write_behind::pump() {
  bool sent = true;
  while (sent && on_the_way_ < limits_.on_the_way) {
    sent = false;
    for (auto at = sending_.begin(); at != sending_.end();) {
      file& f = *at++;
      sent |= pump(f);
      if (!f.data().has_queued()) {
        f.due = false;
        sending_.erase(sending_.iterator_to(f));
      }
      if (on_the_way_ >= limits_.on_the_way) break;
    }
  }
}

bool write_behind::pump(file& f) {
  const bool urgent = f.due || f.has_waiters() || kept() > limits_.memory / 2;
  const auto flight = f.data().next(urgent);
  if (!flight) return false;
  send(f, *flight);
  return true;
}

void write_behind::send(file& f, const dirty_file::flight& flight) {
  const dirty_file& d = f.data();
  // All that somebody waits for to be on the disk: then it needs no COMMIT.
  const bool alone = d.sent() == flight.size && !d.has_queued() && !d.has_uncommitted();
  const stable_how how = alone && !f.syncs.empty() ? FILE_SYNC : UNSTABLE;
  on_the_way_ += flight.size;
  target_.write(f.of, flight, how, [this, i = f.of, flight](const write_target::outcome& o) {
    written(i, flight, o);
  });
}

void write_behind::written(const async::ref<inode>& i, const dirty_file::flight& flight,
                           const write_target::outcome& o) {
  file& f = file_of(i);
  on_the_way_ -= flight.size;
  const bool had_uncommitted = f.data().has_uncommitted();
  if (o.error != 0 || o.count == 0) {
    f.data().lost(flight);
    lose(f, o.error ? o.error : EIO);
  } else {
    f.data().taken(flight, o.count, o.committed, o.verifier);
    if (!had_uncommitted && f.data().has_uncommitted()) f.uncommitted_since = time_.now();
    if (f.data().has_queued() && !f.is_linked()) sending_.push_back(f);
  }
  attend(f);
  attend_blocked();
  relieve();
  pump();
}

// It is nobody's loss if the file is not there any more.
void write_behind::lose(file& f, int error) {
  if (error == ESTALE && f.of->opens == 0) return f.data().drop();
  f.of->loss = error;
  ++f.of->losses;
  target_.data_lost(*f.of);
}

void write_behind::commit(file& f) {
  f.committing = true;
  ++commits_;
  const std::uint64_t mark = f.data().mark();
  target_.commit(f.of,
                 [this, i = f.of, mark](const write_target::outcome& o) { committed(i, mark, o); });
}

void write_behind::committed(const async::ref<inode>& i, std::uint64_t mark,
                             const write_target::outcome& o) {
  file& f = file_of(i);
  f.committing = false;
  --commits_;
  f.uncommitted_since = time_.now();
  if (o.error != 0) {
    f.data().give_up(mark);
    lose(f, o.error);
  } else {
    f.data().committed(mark, o.verifier);
    if (f.data().has_queued() && !f.is_linked()) {
      f.queued_since = time_.now();
      sending_.push_back(f);
    }
  }
  attend(f);
  attend_blocked();
  relieve();
  pump();
}

void write_behind::server_restarted() {
  for (auto& [i, f] : files_)
    if (f->data().has_uncommitted()) f->uncommitted_since = {};
  tick_soon();
}

// Makes room when there is little: COMMITs for the files that keep most.
void write_behind::relieve() {
  if (kept() <= limits_.memory / 2) return;
  file* most = nullptr;
  for (auto& [i, f] : files_)
    if (!f->committing && (!most || f->data().uncommitted() > most->data().uncommitted()))
      most = f.get();
  if (most && most->data().has_uncommitted() && commits_ < limits_.commits) commit(*most);
}

void write_behind::tick_soon() {
  if (ticking_) return;
  ticking_ = true;
  time_.after(limits_.linger, async::wrap(this, &write_behind::tick));
}

void write_behind::tick() {
  ticking_ = false;
  if (files_.empty()) return;
  tick_soon();
  const auto now = time_.now();
  for (auto& [i, f] : files_) {
    const dirty_file& d = f->data();
    f->due |= d.has_queued() && now - f->queued_since >= limits_.linger;
    const bool old = d.has_uncommitted() && now - f->uncommitted_since >= limits_.commit_after;
    if (old && !f->committing && commits_ < limits_.commits) commit(*f);
  }
  relieve();
  pump();
}

}  // namespace sfs
