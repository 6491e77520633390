// The blocking primitives of the explorer, and explore::sync, its model of the Sync that the
// templates of mp/detail take.
//
// Serves no stage: part of the deterministic scheduler of tests/mp. A blocked thread is known to
// the scheduler, which reports "nobody can go on" with what each thread is blocked in.
//
// Thread safety: none; the "threads" are fibers of one OS thread.
// Invariant: each hands over what its giver has seen to its taker (unlock to lock, signal to wait).
#pragma once

#include <chrono>

#include "tests/mp/explore/atomic.h"

namespace async::explore {

class mutex {
 public:
  mutex() noexcept = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  void lock() noexcept {
    engine* e = engine::inside();
    if (e == nullptr) return;
    e->step();
    while (held_) e->block(this, "mutex::lock");
    enter(*e, "lock");
  }

  bool try_lock() noexcept {
    engine* e = engine::inside();
    if (e == nullptr) return true;
    e->step();
    if (held_) return false;
    enter(*e, "try_lock");
    return true;
  }

  void unlock() noexcept {
    engine* e = engine::inside();
    if (e == nullptr) return;
    e->step();
    if (!held_ || holder_ != e->me()) e->fail("mutex::unlock by a thread that does not hold it");
    held_ = false;
    e->memory().give(e->me(), left_);
    e->note([] { return "unlock"; });
    e->unblock(this);
  }

 private:
  void enter(engine& e, const char* what) {
    held_ = true;
    holder_ = e.me();
    e.memory().take(e.me(), left_);
    e.note([&] { return what; });
  }

  bool held_ = false;
  unsigned holder_ = nobody;
  view left_;  // what its holders have seen
};

// A binary semaphore, as a worker parks on: `wait` consumes one `signal`, which may come first.
class parker {
 public:
  parker() noexcept = default;
  parker(const parker&) = delete;
  parker& operator=(const parker&) = delete;

  void wait() noexcept {
    engine* e = engine::inside();
    if (e == nullptr) return;
    e->step();
    e->note([] { return "wait"; });
    while (!signalled_) e->block(this, "parker::wait");
    take_signal(*e);
  }

  void signal() noexcept {
    engine* e = engine::inside();
    if (e == nullptr) {
      signalled_ = true;
      return;
    }
    e->step();
    signalled_ = true;
    e->memory().give(e->me(), left_);
    e->note([] { return "signal"; });
    e->unblock(this);
  }

 protected:
  void take_signal(engine& e) noexcept {
    signalled_ = false;
    e.memory().take(e.me(), left_);
    e.note([] { return "woken"; });
  }

  bool signalled_ = false;
  view left_;  // what its wakers have seen
};

// The same with time limits. There is no time here: a wait may end after any change, when no other
// thread can go on, or (as one of the results that bounds.stale counts) at once.
class timed_parker : public parker {
 public:
  bool wait_for(std::chrono::nanoseconds) noexcept {
    engine* e = engine::inside();
    if (e == nullptr) return false;
    e->step();
    if (!signalled_ && e->result(2) == 0) e->relax();
    if (!signalled_) {
      e->note([] { return "wait times out"; });
      return false;
    }
    take_signal(*e);
    return true;
  }
};

// What stands for a spin loop's pause: the scheduler lets others go first.
inline void relax() noexcept {
  if (engine* e = engine::inside()) e->relax();
}

// The Sync that mp/detail/sync.h describes.
struct sync {
  template <class T>
  using atomic = explore::atomic<T>;
  using mutex = explore::mutex;
  using parker = explore::parker;
  static void fence() noexcept { explore::fence(std::memory_order_seq_cst); }
  static void relax() noexcept { explore::relax(); }
};

struct timed_sync : sync {
  using parker = explore::timed_parker;
};

}  // namespace async::explore
