// What watches one fd for reading or for writing (stages 1 to 3).
//
// A watch stays armed in libev while its callback is posted and runs, so an event costs no system
// call. Only if the fd is found ready again meanwhile is the watch stopped, lest the leader spin,
// and armed again when the callback is done. That keeps fdcb level-triggered.
//
// State, and who moves it:
//   idle     armed; no delivery is on its way. The loop owns the watch.
//   posted   armed; one delivery is on its way.       idle -> posted      the leader, at an event
//   stopped  as posted, but not armed.                posted -> stopped   the leader, at an event
//   cleared  no longer in the loop's table.           any -> cleared      fdcb
// With the delivery's end, posted becomes idle and so does stopped, which arms it again; cleared is
// freed: by the delivery's end if there is a delivery, and else by the one who cleared it. All
// moves but posted -> idle are made under the loop's lock.
//
// A cleared callback does not run: a delivery that begins afterwards sees `cleared`. If it was
// cleared from its own color, no delivery can be between that look and the call.
//
// Thread-safety: as above. Invariant: io is active exactly in idle and posted, once it is started.
#pragma once

#include <ev.h>

#include "async/detail/event.h"
#include "async/fd.h"
#include "wrap/detail/atom.h"
#include "wrap/detail/color_check.h"

namespace async::detail {

class select_loop;

class fd_watch final : public event {
 public:
  // Not yet started.
  fd_watch(select_loop& loop, int fd, selop op, callback<void>::ref cb) noexcept;

  // The leader, under the loop's lock: the fd is ready. Whether a delivery is to be posted; if not,
  // one is on its way, and the caller has to stop io.
  [[nodiscard]] bool fire() noexcept {
    // relaxed: a delivery is handed over by the post, which orders it.
    state seen = state::posted;
    if (state_.load(std::memory_order_relaxed) == state::posted &&
        state_.compare_exchange_strong(seen, state::stopped, std::memory_order_relaxed)) {
      return false;
    }
    // It is idle, perhaps only just now, and nobody else moves it from there while we have the
    // lock.
    state_.store(state::posted, std::memory_order_relaxed);
    return true;
  }

  // Under the loop's lock, when io has been stopped and the table has forgotten the watch. Whether
  // the caller has to free it, without the lock.
  [[nodiscard]] bool clear() noexcept;

  // Under the loop's lock, at the end of a delivery: whether it is to be armed again; if not, it
  // was cleared and the caller has to free it, without the lock.
  [[nodiscard]] bool finish() noexcept;

  void post() override;
  void deliver() {
    // relaxed: a clear() from our own color came before us in the color's order; with one from
    // another color we may race.
    if (state_.load(std::memory_order_relaxed) != state::cleared) callback_();
  }
  const void* bound_object() const noexcept { return callback_->bound_object(); }
  void delivered() noexcept {
    if (!become_idle()) rearm_or_free();
  }

  ev_io io;  // guarded by the loop's lock

 private:
  enum class state : unsigned char { idle, posted, stopped, cleared };

  // Nothing of *this may be touched after a success.
  bool become_idle() noexcept {
    const unobserved end;  // what comes before it, the delivery has said
    // release: as in finish().
    state seen = state::posted;
    return state_.compare_exchange_strong(seen, state::idle, std::memory_order_release,
                                          std::memory_order_relaxed);
  }
  void rearm_or_free() noexcept;

  atom<state> state_{state::idle};
  select_loop& loop_;
  const callback<void>::ref callback_;
};

}  // namespace async::detail
