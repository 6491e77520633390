// The loop that serves a color, and what becomes of it in a forked child (stage 1).
//
// A leader may be asleep in the loop when another thread forks. The child takes all watchers out of
// libev and goes on with the same loop, which gets kernel objects of its own in the child's first
// turn; so nothing that the child does can reach its parent's.
#include <unistd.h>

#include "async/detail/select_loop.h"

namespace async::detail {

select_loop& loop_for_current_color() {
  static select_loop* const loop = new select_loop;
  return *loop;
}

void select_loop::before_fork() noexcept {
  mutex_.lock();
  timers_.mutex().lock();
  handed_over_mutex_.lock();
}

void select_loop::after_fork_in_parent() noexcept {
  handed_over_mutex_.unlock();
  timers_.mutex().unlock();
  mutex_.unlock();
}

void select_loop::after_fork_in_child() noexcept {
  for (const fd_entry& entry : registered_->fds) {
    for (fd_watch* w : entry.watch) {
      if (w != nullptr) ev_io_stop(loop_, &w->io);
    }
  }
  for (const ptr<signal_watch>& w : registered_->signals) {
    if (!w) continue;
    ev_signal_stop(loop_, &w->io);
    sigaction(w->io.signum, &w->previous, nullptr);
  }
  auto fresh = std::make_unique<registrations>();
  fresh->lost = std::move(registered_);
  registered_ = std::move(fresh);
  unconfirmed_.clear();
  ready_.clear();
  handed_over_.clear();
  any_handed_over_.store(false, std::memory_order_relaxed);
  timers_.forget();
  woken_.store(false, std::memory_order_relaxed);
  leader_asleep_ = false;
  ev_io_stop(loop_, &alarm_);
  close(alarm_.fd);
  alarm_.fd = -1;                   // made anew by the first turn, if there is one
  ev_break(loop_, EVBREAK_CANCEL);  // libev notes that a leader sleeps: in the parent it does
  ev_loop_fork(loop_);
  after_fork_in_parent();
}

}  // namespace async::detail
