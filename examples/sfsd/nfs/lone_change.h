// Whether a call was the only one that changed a file between its two looks at it. Serves stage 5.
//
// A client that learns what a file was before its own change, and finds that it knew just that,
// takes the file as it is afterwards for its own work and keeps what it has cached of it. So what
// was before is told only if nobody else changed the file in between (RFC 1813, section 2.6: it is
// left out where that cannot be known):
//
//     lone_change change(watch, handle);   // 1. enter
//     ... look at the file ...             // 2.
//     ... change it ...                    // 3.
//     ... look at it again ...             // 4.
//     if (change.is_alone()) ...           // 5. then what was seen at 2 may be told
//                                          // 6. leave, when it is destroyed
//
// If another call's 3 lies between this one's 2 and 4, then is_alone() is false. For its 1 and 6
// are around its 3, so it either was in when this call entered, or has entered since: both can be
// seen in the one number that all of a file's calls count in.
//
// Files share a number when their handles begin alike, which only leaves something out. A call that
// removes or renames an entry enters for the directories: of what has the name it changes nothing
// that a client caches. What programs on the server's machine do to a file is not seen: no call of
// the kernel changes a file and says what it was before.
//
// Thread safety: a watch may be used from any thread; a lone_change belongs to one call.
// Invariant: the low half of a number is how many are in, the high half how many have entered.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "examples/sfsd/base/bytes.h"

namespace sfs {

class change_watch {
 public:
  // Which number the changes of a file are counted in. A handle begins with its tag, which is as
  // good as random; one that was not made here changes nothing.
  static std::size_t slot_of(const_bytes handle) noexcept {
    return handle.size() < 2 ? 0 : (handle[0] | handle[1] << 8) % slots;
  }

 private:
  friend class lone_change;
  static constexpr std::size_t slots = 4096;
  std::array<std::atomic<std::uint64_t>, slots> numbers_{};
};

class lone_change {
 public:
  lone_change(change_watch& watch, const_bytes handle) noexcept
      : number_(watch.numbers_[change_watch::slot_of(handle)]),
        as_entered_(number_.fetch_add(entering) + entering) {}

  // The same call changes this file as well as that of `first`, which may be the same.
  lone_change(change_watch& watch, const_bytes handle, const lone_change& first) noexcept
      : number_(watch.numbers_[change_watch::slot_of(handle)]),
        shared_(&number_ == &first.number_),
        as_entered_(shared_ ? first.as_entered_ : number_.fetch_add(entering) + entering) {}

  ~lone_change() {
    if (!shared_) number_.fetch_sub(1);
  }
  lone_change(const lone_change&) = delete;
  lone_change& operator=(const lone_change&) = delete;

  // Whether nobody else was in when this call entered, and nobody has entered since.
  bool is_alone() const noexcept {
    return static_cast<std::uint32_t>(as_entered_) == 1 && number_.load() == as_entered_;
  }

 private:
  static constexpr std::uint64_t entering = (std::uint64_t{1} << 32) + 1;

  std::atomic<std::uint64_t>& number_;
  const bool shared_ = false;
  const std::uint64_t as_entered_;
};

}  // namespace sfs
