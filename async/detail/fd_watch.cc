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

void fd_watch::post() { post_delivery(this); }

void fd_watch::rearm_or_free() noexcept {
  if (!loop_.rearm(*this)) delete this;
}

}  // namespace async::detail
