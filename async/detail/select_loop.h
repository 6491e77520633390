// The select callback: one libev loop, the leader in it, and all that is registered with it (stages
// 1 to 3; it is what an idle CPU of mp/ waits in).
//
// The leader is the thread that is inside poll() or wait(); mp/ sees to it that there is one at
// most. A turn of it is: apply what was registered since the last one; look at the fds, asleep or
// not; put what is ready on a list, under the lock; post that list, without the lock.
//
// Registration. Every color, on any thread, changes libev's watchers directly, under the loop's
// lock. The leader holds that lock for its whole turn but for the sleep itself. What ev_io_start is
// given goes to libev's own list of changed fds, and the leader tells the kernel all of them at the
// start of its next turn; if it sleeps, and only then, it is woken for that. So a cleared fd is out
// of libev when fdcb returns, and its number may be used again at once.
//
// No lost wake-up. wake() sets `woken_` and then sends to libev's async watcher, which wakes a
// sleep in progress; one that is about to begin sees `woken_`, or libev's own mark of the send.
//
// Several loops, one color each, would be several objects of this class: nothing here is static but
// loop_for_current_color(), through which all of async/ finds its loop (an fd's or a timer's loop
// would be noted where it is registered). Each loop
// then has its leader; mp/ would have to offer a waiter for each group of CPUs.
//
// Thread-safety: each member says who may call it.
// Invariants: libev is touched only under mutex_ (but for ev_async_send, which needs none); no
// callback, and no destructor of one, runs under mutex_.
#pragma once

#include <ev.h>

#include <array>
#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <vector>

#include "async/detail/event.h"
#include "async/detail/fd_watch.h"
#include "async/detail/fork_safe.h"
#include "async/detail/signal_watch.h"
#include "async/detail/timer_queue.h"
#include "async/fd.h"
#include "mp/runtime.h"
#include "wrap/detail/color_check.h"

namespace async::detail {

class select_loop final : public idle_waiter, private alarm_clock, private fork_participant {
 public:
  // Throws std::system_error if the kernel's or libev's objects can't be made.
  select_loop();

  // The leader.

  void poll() noexcept override { turn(false); }
  void wait() noexcept override { turn(true); }
  bool skip_to_timer() noexcept override;
  // Any thread; see loop_events.cc.
  void tell_events(const std::function<void(awaited_event)>& tell) override;

  // Any thread.

  void wake() noexcept override;

  // Watches, or with a null callback forgets. See fdcb() for all else.
  std::error_code watch(int fd, selop op, callback<void>::ptr cb);
  // See sigcb().
  std::error_code watch_signal(int number, callback<void>::ptr cb);
  // At the end of a delivery that found its watch stopped or cleared: arms it again, or returns
  // false if it was cleared.
  bool rearm(fd_watch& w) noexcept;

  timer_queue& timers() noexcept { return timers_; }

  // Posts an event for a thread that is none of the runtime's. Where there is one CPU and no atomic
  // counts (ASYNC_UNIPROCESSOR) such a thread may neither post nor hold a handle, and the event is
  // given to the leader. Only blocking jobs are handed over.
  void hand_over(event& e) noexcept;
  // Appends what was handed over and is not posted yet. For the leader, or when there is none.
  void take_handed_over(event_list& ready) noexcept;

  // libev's callbacks: the leader, under mutex_.

  static void fd_ready(struct ev_loop* loop, ev_io* io, int events);
  static void signal_came(struct ev_loop* loop, ev_signal* w, int events);

 private:
  ~select_loop() override = default;  // never called: a loop lives as long as the program

  struct fd_entry {
    fd_watch* watch[2] = {nullptr, nullptr};  // by selop
  };
  struct registrations {
    std::vector<fd_entry> fds;
    std::array<ptr<signal_watch>, NSIG> signals;
    std::unique_ptr<registrations> lost;  // those of the process that forked this one
  };

  // Holds the lock for a change, and then tells the leader, if that is asleep.
  class change;

  void turn(bool may_sleep) noexcept;
  bool may_sleep_now() noexcept;
  bool take_wake_up() noexcept;
  void confirm_fds() noexcept;
  void start(fd_watch& w);
  void make_alarm();
  // From the leader's look at the kernel to the first callback.
  void begin_unordered() noexcept;
  void end_unordered() noexcept;
  void set(stamp at) noexcept override;
  // See loop_life.cc.
  void before_fork() noexcept override;
  void after_fork_in_parent() noexcept override;
  void after_fork_in_child() noexcept override;
  static select_loop& of(struct ev_loop* loop) noexcept;

  quiet_mutex mutex_;

  // Guarded by mutex_.
  struct ev_loop* const loop_;
  std::unique_ptr<registrations> registered_ = std::make_unique<registrations>();
  std::vector<int> unconfirmed_;  // started since the last turn
  event_list ready_;
  bool sleep_allowed_ = false;
  bool leader_asleep_ = false;
  [[maybe_unused]] bool unordered_ = false;  // used with ThreadSanitizer
  ev_async wake_up_;                         // its sending needs no lock
  ev_io alarm_;                              // on a timerfd

  timer_queue timers_;

  std::atomic<bool> woken_{false};

  // For threads outside of the runtime, so always real atomics. Used with ASYNC_UNIPROCESSOR.
  std::mutex handed_over_mutex_;
  event_list handed_over_;  // guarded by handed_over_mutex_
  std::atomic<bool> any_handed_over_{false};
};

// The loop that serves the calling color. There is one; several would be told apart here.
select_loop& loop_for_current_color();

}  // namespace async::detail
