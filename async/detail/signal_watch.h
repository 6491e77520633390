// What watches one signal (stages 1 to 3).
//
// Signals that come before the callback has begun are one delivery; one that comes afterwards is
// the next. The table and each delivery hold a share of the watch.
//
// Thread-safety: fire() and clear() under the loop's lock, the rest as for every event.
#pragma once

#include <ev.h>

#include <csignal>
#include <utility>

#include "async/detail/event.h"
#include "wrap/detail/atom.h"

namespace async::detail {

class signal_watch final : public event {
 public:
  explicit signal_watch(callback<void>::ref cb) noexcept : event(*cb), callback_(std::move(cb)) {}

  // Whether a delivery is to be posted; it has its share then.
  [[nodiscard]] bool fire() noexcept {
    // acquire: with the delivery that made it false.
    if (pending_.exchange(true, std::memory_order_acquire)) return false;
    retain();
    return true;
  }

  void clear() noexcept { cleared_.store(true, std::memory_order_relaxed); }

  void post() override { post_delivery(this); }
  void deliver() {
    pending_.store(false, std::memory_order_release);
    // relaxed: as in fd_watch::deliver().
    if (!cleared_.load(std::memory_order_relaxed)) callback_();
  }
  const void* bound_object() const noexcept { return callback_->bound_object(); }

  void delivered() noexcept {
    // For a delivery that the runtime's stop dropped. After one that ran, at worst a signal that
    // came meanwhile and the next one are not made one.
    pending_.store(false, std::memory_order_release);
    release();
  }

  ev_signal io;               // guarded by the loop's lock
  struct sigaction previous;  // what the signal did before; guarded by the loop's lock

 private:
  atom<bool> pending_{false};
  atom<bool> cleared_{false};
  const callback<void>::ref callback_;
};

}  // namespace async::detail
