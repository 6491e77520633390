// The timers of one loop (stages 1 and 2): those waiting, and the alarm clock that ends the
// leader's sleep for the earliest of them.
//
// Setting the alarm costs a system call, so it is set late and seldom: only when the leader goes to
// sleep, or from outside while it sleeps; and only if it is not already set for that time or an
// earlier one. If what it was set for has been removed, the leader wakes up once for nothing.
// Timers that come due while there is work are found by looking at the clock in each poll.
//
// Thread-safety: add() and remove() from any thread; the rest is the leader's. The time is always
// given by the caller, and the alarm clock is an interface: tests bring their own of both.
//
// Who owns a timer: its handles, and the queue as long as it is in the heap. When it expires, that
// share goes to the delivery. The callback belongs to whoever exchanges it out: the delivery that
// runs it, or the remover; so it runs at most once, and never after a remover has got it. What is
// left in the heap of a removed timer (timer_heap.h) is its memory: callback and color are gone.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "async/detail/event.h"
#include "async/detail/timer_heap.h"
#include "wrap/detail/atom.h"
#include "wrap/detail/block_cache.h"
#include "wrap/detail/color_check.h"

namespace async::detail {

class timer final : public event, public pooled<timer> {
 public:
  explicit timer(callback<void>::ref cb) noexcept
      : event(*cb), callback_(handle_access::detach(cb)) {}
  ~timer() override { take_callback(); }

  void post() override {
    prefetch_callback();
    post_delivery(this);
  }
  void deliver() {
    if (const auto cb = take_callback()) cb();
  }
  void delivered() noexcept {
    take_callback();
    release();
  }

  // The callback, for the one who comes first; null for all others. Any thread.
  callback<void>::ptr take_callback() noexcept {
    // relaxed: null is final, and nothing is read through it.
    if (callback_.load(std::memory_order_relaxed) == nullptr) return nullptr;
    // acquire: what the registering thread wrote into the callback. Nothing is released by null.
    return handle_access::take<callback<void>::ptr>(
        callback_.exchange(nullptr, std::memory_order_acquire));
  }

  // The same, from the holder of timer_queue::mutex_ while the timer is in the heap: its delivery,
  // the only one who would not hold the mutex, comes after that.
  callback<void>::ptr take_callback_of_waiting() noexcept {
    auto* const taken = callback_.load(std::memory_order_relaxed);
    callback_.store(nullptr, std::memory_order_relaxed);
    return handle_access::take<callback<void>::ptr>(taken);
  }

  // Has the memory of the callback fetched, which need not be there any more.
  void prefetch_callback() const noexcept {
    __builtin_prefetch(callback_.load(std::memory_order_relaxed));
  }

  // For the heap, under timer_queue::mutex_. Whoever removes a timer there takes its callback.
  bool removed() const noexcept { return callback_.load(std::memory_order_relaxed) == nullptr; }
  void left_heap() noexcept { release(); }
  void prefetch() const noexcept { __builtin_prefetch(&callback_); }

  bool waiting = true;  // in the heap, and not removed; guarded by timer_queue::mutex_

 private:
  void finalize() override { delete this; }  // so that the destructor is not called virtually

  atom<callback<void>*> callback_;
};
static_assert(sizeof(where) != 8 || sizeof(timer) <= 56, "a medium block");

// What ends the leader's sleep.
class alarm_clock {
 public:
  virtual ~alarm_clock() = default;
  // Rings once at `at`, instead of at the time set before; `never` turns it off. Also silences it,
  // if it is ringing. Any thread.
  virtual void set(stamp at) noexcept = 0;
};

class timer_queue {
 public:
  explicit timer_queue(alarm_clock& alarm) noexcept : alarm_(&alarm) {}

  // Any thread. Throws std::bad_alloc.
  ref<timer> add(stamp at, callback<void>::ref cb);

  // Any thread. Frees the callback, if it has neither run nor been removed before.
  void remove(timer& t) noexcept;

  // The leader, before it sleeps: sets the alarm and returns true, or false if a timer is due.
  bool prepare_sleep(stamp now) noexcept;
  // The leader, after a sleep.
  void end_sleep() noexcept { asleep_.store(false, std::memory_order_relaxed); }
  // The leader: the alarm is ringing, and does so until it is set again.
  void alarm_rang() noexcept { rang_ = true; }

  // The stamp of the earliest timer, or `never`: as of now for the leader, an estimate for others.
  stamp earliest() const noexcept { return earliest_.load(std::memory_order_relaxed); }

  // Any thread: calls tell(timer, stamp) for each, under the lock, in no order.
  template <class F>
  void tell(F tell) {
    const std::lock_guard lock(mutex_);
    heap_.for_each([&](timer& t, stamp at) {
      if (!t.removed()) tell(t, at);
    });
  }

  // The leader: moves the timers that are due to `ready`, at most `batch` of them, in order.
  void expire(stamp now, event_list& ready) noexcept;

  // So many timers expire between two looks at the fds.
  static constexpr std::size_t batch = 1024;

  // For fork().

  quiet_mutex& mutex() noexcept { return mutex_; }
  // In the child, under the mutex: there are no timers any more, and none is destroyed.
  void forget() noexcept;

 private:
  void update_earliest() noexcept { earliest_.store(heap_.earliest(), std::memory_order_relaxed); }

  quiet_mutex mutex_;

  // Guarded by mutex_.
  timer_heap<timer> heap_;
  std::vector<timer_heap<timer>> lost_;  // those of the processes that forked this one
  stamp alarm_at_ = never;
  alarm_clock* const alarm_;

  bool rang_ = false;  // the leader's

  // Written under mutex_. relaxed: the leader may miss a change made by others while it polls; it
  // looks again, under the mutex, before it sleeps.
  atom<stamp> earliest_{never};
  // Set under mutex_, cleared by the leader. relaxed: who adds a timer holds the mutex, so it sees
  // that the leader sleeps, or the leader saw the timer before. Who still sees a sleep that is just
  // over sets the alarm for nothing.
  atom<bool> asleep_{false};
};

}  // namespace async::detail
