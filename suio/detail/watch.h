// How a suio's function notices that the suio was destroyed by what it called.
//
// Serves stage 6 (output). Not thread-safe: lives on the stack of a call on one suio.
//
// Invariants: the watches of a suio are a chain from suio::watch_, innermost first, and each lives
// on the stack; the suio's destructor marks them all.
#pragma once

#include "suio/suio.h"

namespace async {

class suio::watch {
 public:
  explicit watch(suio& watched) noexcept : watched_(watched), outer_(watched.watch_) {
    watched_.watch_ = this;
  }
  watch(const watch&) = delete;
  watch& operator=(const watch&) = delete;
  ~watch() {
    if (!gone_) watched_.watch_ = outer_;
  }

  bool gone() const noexcept { return gone_; }
  static void destroyed(watch* innermost) noexcept {
    for (watch* w = innermost; w != nullptr; w = w->outer_) w->gone_ = true;
  }

 private:
  suio& watched_;
  watch* const outer_;
  bool gone_ = false;
};

}  // namespace async
