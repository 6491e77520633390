// How idle workers sleep, and how a post wakes one: no wake-up is lost, and few are made (stage 4).
//
// A worker is busy, searching or asleep. Asleep, it either is parked or *leads*: it waits for
// events in the idle_waiter. `need_wake` is true when some worker is asleep and none is searching.
//
// No lost wake-up. The two sides, in steps:
//
//   publisher  P1 puts work where has_work() sees it
//              P2 full fence
//              P3 reads need_wake
//              P4 if it is set: under the lock takes one sleeper off the list, counts it as
//                 searching, and wakes it
//   sleeper    S1 under the lock leaves the search, joins the list, updates need_wake
//              S2 full fence
//              S3 asks has_work()
//              S4 if there is work: under the lock leaves the list again, if it is still on it
//   finder     F1 under the lock leaves the search, updates need_wake
//              F2 full fence
//              F3 if no searcher is left: asks has_work(), and if so wakes one
//
// Publisher and sleeper each write (P1, S1) before their fence and read (P3, S3) after it, so at
// least one of them sees the other. If need_wake is false at P3 because somebody searches, then
// that searcher sees the work: either in its search, or, if it found other work and was the last
// searcher, when it looks once more (F3), or else when it goes to sleep itself (S3).
//
// So a burst of posts wakes the workers one after the other, and never one that is searching
// already.
//
// Thread-safety: all members may be called by all workers; work_published() by any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <mutex>
#include <utility>

#include "mp/detail/fibers.h"

namespace async::detail {

// `Waiter` has wait() and wake(), as idle_waiter says.
template <class Sync, class Waiter>
class parking {
 public:
  struct sleeper
      : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::safe_link>> {
    typename Sync::parker parker;
    bool leads = false;  // guarded by parking::mutex_
  };

  // Before the workers begin. `waiter` may be null.
  void open(unsigned workers, Waiter* waiter) {
    const std::lock_guard lock(mutex_);
    workers_ = workers;
    waiter_ = waiter;
    searching_ = 0;
    released_ = false;
    update();
  }

  // The publisher.

  // After work was put where has_work() sees it (P1).
  void work_published() noexcept {
    Sync::fence();
    // relaxed: the fence before it is what counts.
    if (need_wake_.load(std::memory_order_relaxed)) wake_one();
  }

  // Wakes all, so that they see that they are to stop.
  void wake_all() noexcept {
    const std::lock_guard lock(mutex_);
    released_ = true;
    while (!asleep_.empty()) wake_first();
    update();
    if (drainer_ != nullptr) std::exchange(drainer_, nullptr)->signal();
  }

  // The worker.

  // Joins the search; false if enough others are searching.
  [[nodiscard]] bool try_search() noexcept {
    const std::lock_guard lock(mutex_);
    if (searching_ > 0 && searching_ >= workers_ / 2) return false;
    ++searching_;
    update();
    return true;
  }

  // Leaves the search with work in hand (F1 to F3).
  template <class HasWork>
  void found_work(HasWork&& has_work) noexcept {
    if (leave_search()) return;
    Sync::fence();
    if (has_work()) wake_one();
  }

  // Sleeps until a publisher has chosen this worker, or there was work after all: S1 to S4. The
  // caller is in the search if `searching`, and is so again afterwards, whichever it was.
  template <class HasWork, class Needed>
  void park(sleeper& self, bool searching, HasWork&& has_work, Needed&& needed) noexcept {
    lie_down(self, searching, false);
    if (has_work() && get_up(self)) return;
    if constexpr (requires { self.parker.wait_for(std::chrono::nanoseconds{}); }) {
      if (watch(self, needed)) return;
    }
    self.parker.wait();
  }

  // The same for the one worker that leads. Returns whether it is in the search: false if it has
  // brought work of its own from the wait, as `has_own` tells.
  template <class HasWork, class HasOwn>
  [[nodiscard]] bool lead(sleeper& self, bool searching, HasWork&& has_work,
                          HasOwn&& has_own) noexcept {
    lie_down(self, searching, true);
    if (has_work() && get_up(self)) return true;
    {
      const observed waiter;
      waiter_->wait();
    }
    const std::lock_guard lock(mutex_);
    if (!self.is_linked()) return true;  // chosen, and so counted, by a publisher
    asleep_.erase(asleep_.iterator_to(self));
    const bool search = !has_own();
    if (search) ++searching_;
    update();
    return search;
  }

  // Whether a sleeping worker wakes up by itself, now and then, to look for work that does not
  // move.
  bool watched() const noexcept { return watched_.load(std::memory_order_relaxed); }

  // Draining.

  // Blocks until all workers are asleep and there is no work, or wake_all() is called. Under the
  // lock no worker can get up, so none has work in hand then.
  template <class HasWork>
  void drain(typename Sync::parker& self, HasWork&& has_work) noexcept {
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        if (released_ || (asleep_.size() == workers_ && !has_work())) return;
        drainer_ = &self;
      }
      self.wait();
    }
  }

  // After has_work() has said yes, perhaps for nothing: whoever drains asks once more.
  void ask_again() noexcept {
    const std::lock_guard lock(mutex_);
    if (drainer_ != nullptr) std::exchange(drainer_, nullptr)->signal();
  }

 private:
  // A watcher gives up when it has found all asleep so many times.
  static constexpr int patience = 64;

  void update() noexcept {
    // relaxed: read after a fence by publishers; written here before a fence by sleepers (S2).
    need_wake_.store(!asleep_.empty() && searching_ == 0, std::memory_order_relaxed);
  }

  void lie_down(sleeper& self, bool searching, bool leads) noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (searching) --searching_;
      self.leads = leads;
      // The leader is woken last: its wake-up costs most, and events may need it.
      leads ? asleep_.push_back(self) : asleep_.push_front(self);
      update();
      if (drainer_ != nullptr && asleep_.size() == workers_) {
        std::exchange(drainer_, nullptr)->signal();
      }
    }
    Sync::fence();
  }

  // Takes the sleep back (S4); false if a publisher was faster and its signal is on the way.
  bool get_up(sleeper& self) noexcept {
    const std::lock_guard lock(mutex_);
    if (!self.is_linked()) return false;
    asleep_.erase(asleep_.iterator_to(self));
    ++searching_;
    update();
    return true;
  }

  // Whether other searchers are left.
  bool leave_search() noexcept {
    const std::lock_guard lock(mutex_);
    --searching_;
    update();
    return searching_ > 0;
  }

  void wake_one() noexcept {
    const std::lock_guard lock(mutex_);
    if (searching_ > 0 || asleep_.empty()) return;
    wake_first();
    update();
  }

  // Under the lock, so that the waiter, and the sleeper until it is signalled, still exist.
  void wake_first() noexcept {
    sleeper& chosen = asleep_.front();
    asleep_.pop_front();
    ++searching_;
    chosen.leads ? waiter_->wake() : chosen.parker.signal();
  }

  // Where there is a waiter, not everything is published with a wake-up: few events of a poll are
  // left to the worker that polled, and while it runs them, nobody may be waiting for events. So
  // that a long callback holds up neither, one of those asleep looks every now and then. It goes on
  // for a while when all are asleep, since waking somebody to watch costs more than watching.
  // Returns true if it got up; false if it was chosen or need not watch any more, and has to wait
  // for the signal.
  template <class Needed>
  bool watch(sleeper& self, Needed& needed) noexcept {
    using namespace std::chrono_literals;
    constexpr std::chrono::nanoseconds first = 50us, longest = 800us;
    {
      const std::lock_guard lock(mutex_);
      if (waiter_ == nullptr || watched() || !self.is_linked()) return false;
      watched_.store(true, std::memory_order_relaxed);
    }
    int quiet = 0;
    for (auto interval = first;; interval = std::min(interval * 2, longest)) {
      if (self.parker.wait_for(interval)) {
        self.parker.signal();  // the caller's wait() takes it
        break;
      }
      const bool all_asleep = note_quiet(quiet);
      if (quiet == patience) return false;
      if (!all_asleep && needed()) {
        end_watch();
        return get_up(self);
      }
    }
    end_watch();
    return false;
  }

  // Under the lock, so that the next watcher sees what needed() noted for this one.
  void end_watch() noexcept {
    const std::lock_guard lock(mutex_);
    watched_.store(false, std::memory_order_relaxed);
  }

  // Counts for how long all have been asleep, and ends the watch when it is long enough: under the
  // lock, so that a worker which leaves its sleep later sees that nobody watches.
  bool note_quiet(int& quiet) noexcept {
    const std::lock_guard lock(mutex_);
    const bool all_asleep = asleep_.size() == workers_;
    quiet = all_asleep ? quiet + 1 : 0;
    if (quiet == patience) watched_.store(false, std::memory_order_relaxed);
    return all_asleep;
  }

  typename Sync::mutex mutex_;

  // Guarded by mutex_.
  boost::intrusive::list<sleeper> asleep_;
  unsigned workers_ = 0;
  unsigned searching_ = 0;
  Waiter* waiter_ = nullptr;
  bool released_ = false;  // wake_all() was called
  typename Sync::parker* drainer_ = nullptr;

  // Written under mutex_.
  alignas(64) typename Sync::template atomic<bool> need_wake_{false};
  typename Sync::template atomic<bool> watched_{false};
};

}  // namespace async::detail
