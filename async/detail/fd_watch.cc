// Watching one fd: see fd_watch.h. Serves stages 1 to 3.
#include "async/detail/fd_watch.h"

#include <utility>

#include "async/detail/select_loop.h"

namespace async::detail {

fd_watch::fd_watch(select_loop& loop, int fd, selop op, callback<void>::ref cb) noexcept
    : event(*cb), loop_(loop), callback_(std::move(cb)) {
  ev_io_init(&io, &select_loop::fd_ready, fd, op == selread ? EV_READ : EV_WRITE);
  io.data = this;
}

bool fd_watch::fire() noexcept {
  // relaxed: a delivery is handed over by the post, which orders it.
  state seen = state::posted;
  if (state_.load(std::memory_order_relaxed) == state::posted &&
      state_.compare_exchange_strong(seen, state::stopped, std::memory_order_relaxed)) {
    return false;
  }
  // It is idle, perhaps only just now, and nobody else moves it from there while we have the lock.
  state_.store(state::posted, std::memory_order_relaxed);
  return true;
}

bool fd_watch::clear() noexcept {
  // acquire: if it is idle, we free what the last delivery has used.
  return state_.exchange(state::cleared, std::memory_order_acq_rel) == state::idle;
}

bool fd_watch::finish() noexcept {
  if (state_.load(std::memory_order_relaxed) == state::cleared) return false;
  // release: for a clear() that frees it. Not a compare-exchange: the lock keeps all others out.
  state_.store(state::idle, std::memory_order_release);
  return true;
}

void fd_watch::deliver() {
  // relaxed: a clear() from our own color came before us in the color's order; with one from
  // another color we may race.
  if (state_.load(std::memory_order_relaxed) != state::cleared) callback_();
}

void fd_watch::delivered() noexcept {
  // release: as in finish(). Nothing of *this may be touched after a success.
  state seen = state::posted;
  if (state_.compare_exchange_strong(seen, state::idle, std::memory_order_release,
                                     std::memory_order_relaxed)) {
    return;
  }
  if (!loop_.rearm(*this)) delete this;
}

}  // namespace async::detail
