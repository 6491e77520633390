// The files that one client has just read or written, found by the sealed handle that it sends: a
// READ or WRITE of one of them needs neither to find nor to open it. Serves stage 5.
//
// Thread safety: one color (the client's files color); the permits are shared by all clients.
// Invariants: an entry is used for at most `lease` after the file was opened, so what decides about
// that (a handle that is stale, a right that was taken away) holds soon for every client; each file
// that is kept has a permit, so all clients together keep no more than there are permits.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <semaphore>

#include "examples/sfsd/nfs/data.h"
#include "examples/sfsd/nfs/names.h"

namespace sfs {

class recent_files {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::size_t most = 4;

  // One permit is one file that some client keeps open.
  explicit recent_files(std::counting_semaphore<>& permits) noexcept : permits_(permits) {}
  ~recent_files() { clear(); }
  recent_files(const recent_files&) = delete;
  recent_files& operator=(const recent_files&) = delete;

  // The file, or null if it must be opened.
  const open_file* find(const data_call& call, const principal& who, time_point now) noexcept {
    for (entry& e : entries_)
      if (e.file && now < e.until && e.file->for_writing() == call.writes &&
          e.file->who().number == who.number && e.handle == call.handle)
        return e.file.get();
    return nullptr;
  }

  // The file of this handle that has been open for writing longest, also when it is not used any
  // more; null if there is none.
  const open_file* longest_written(const_bytes handle) const noexcept {
    const entry* first = nullptr;
    for (const entry& e : entries_)
      if (e.file && e.file->for_writing() && std::ranges::equal(e.handle.view(), handle) &&
          (!first || e.until < first->until))
        first = &e;
    return first ? first->file.get() : nullptr;
  }

  // Keeps the file in a place of its own, or in that of another one if there is none or no permit
  // for it; without any permit it is closed.
  void remember(const data_call& call, async::ptr<open_file> file, time_point now) noexcept {
    std::size_t at = kept_;
    if (kept_ < most && permits_.try_acquire())
      ++kept_;
    else if (kept_ > 0)
      at = next_++ % kept_;
    else
      return;
    entries_[at] = {std::move(file), call.handle, now + lease};
  }

  // Closes what no name leads to any more, which would keep its room on the disk until then.
  void drop_removed() noexcept {
    for (entry& e : entries_) {
      struct statx now {};
      if (e.file && (!get_attributes(e.file->fd(), now) || now.stx_nlink == 0)) e.file = nullptr;
    }
  }

  void clear() noexcept {
    for (entry& e : entries_) e.file = nullptr;
    if (kept_ > 0) permits_.release(static_cast<std::ptrdiff_t>(kept_));
    kept_ = 0;
  }

 private:
  static constexpr std::chrono::seconds lease{1};
  struct entry {
    async::ptr<open_file> file;
    sealed_handle handle;
    time_point until;
  };
  std::counting_semaphore<>& permits_;
  std::array<entry, most> entries_;
  std::size_t kept_ = 0;  // in the first places
  std::size_t next_ = 0;
};

}  // namespace sfs
