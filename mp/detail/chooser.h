// What decides the order of callbacks in an exploration (explore.h): stage 4 with another policy.
//
// Thread-safety: all is called by the one worker, between callbacks.
#pragma once

#include <cstddef>
#include <exception>

#include "wrap/where.h"

namespace async {
class idle_waiter;
}

namespace async::detail {

class color_state;

class chooser {
 public:
  // Which of these `n` runnable colors, of which there is one at least, runs its next callback: 0
  // is FIFO. Those before it go to the back, and new ones come behind them.
  virtual std::size_t choose(color_state* const* runnable, std::size_t n) noexcept = 0;

  // Nothing is runnable: whether it pays to look again. `waiter` may be null.
  virtual bool idle(idle_waiter* waiter) noexcept = 0;

  // An exception has left the callback that was wrapped or posted at `site`, and nobody takes it.
  virtual void failed(const std::exception_ptr& exception, where site) noexcept = 0;

 protected:
  ~chooser() = default;
};

}  // namespace async::detail
