// The files that one client has just read or written, found by the sealed handle that it sends: a
// READ or WRITE of one of them needs neither to find nor to open it. Serves stage 5.
//
// Thread safety: one color (the client's files color).
// Invariant: an entry is used for at most `lease` after the file was opened, so what decides about
// that (a handle that is stale, a right that was taken away) holds soon for every client.
#pragma once

#include <array>
#include <chrono>

#include "examples/sfsd/nfs/service.h"

namespace sfs {

class recent_files {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // The file, or null if it must be opened.
  const open_file* find(const data_call& call, const principal& who, time_point now) noexcept {
    for (entry& e : entries_)
      if (e.file && now < e.until && e.file->for_writing() == call.writes &&
          e.file->who().number == who.number && e.handle == call.handle)
        return e.file.get();
    return nullptr;
  }

  void remember(const data_call& call, async::ptr<open_file> file, time_point now) noexcept {
    entry& e = entries_[next_++ % entries_.size()];
    e.file = std::move(file);
    e.handle = call.handle;
    e.until = now + lease;
  }

  void clear() noexcept {
    for (entry& e : entries_) e.file = nullptr;
  }

 private:
  static constexpr std::chrono::seconds lease{1};
  struct entry {
    async::ptr<open_file> file;
    sealed_handle handle;
    time_point until;
  };
  std::array<entry, 4> entries_;
  unsigned next_ = 0;
};

}  // namespace sfs
