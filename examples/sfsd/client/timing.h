// Time as the asynchronous client sees it: what the clock says, and callbacks soon or after a
// while. Tests give it a clock that they turn by hand. Serves stages 1 and 2.
//
// Thread safety: one color (the default color).
// Invariant: a timer that was cancelled does not run any more.
#pragma once

#include <chrono>

#include "wrap/callback.h"

namespace sfs {

class timing {
 public:
  using clock = std::chrono::steady_clock;

  class timer : public async::refcount {
   public:
    // Does nothing if it has run.
    virtual void cancel() noexcept = 0;
  };

  virtual ~timing() = default;
  virtual clock::time_point now() = 0;
  virtual async::ref<timer> after(clock::duration delay, async::callback<void>::ref cb) = 0;
  // Once what runs now, and what was to run soon before, has run.
  virtual void soon(async::callback<void>::ref cb) = 0;

  // The machine's clock and the event loop's timers.
  static timing& real();
};

}  // namespace sfs
