// The blocking primitives of the explorer, and explore::sync, its model of the Sync concept that the
// templates of mp/detail take.
//
// Serves no stage: part of the deterministic scheduler of tests/mp. A blocked thread is known to the
// scheduler, which reports "nobody can go on" with what each thread is blocked in.
//
// Thread safety: none; the "threads" are fibers of one OS thread.
// Invariant: each hands over what its giver has seen to its taker (unlock to lock, wake to wait).
#pragma once

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

// A binary semaphore, as a worker parks on: `wait` consumes one `wake`, which may come first.
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
    while (!woken_) e->block(this, "parker::wait");
    woken_ = false;
    e->memory().take(e->me(), left_);
    e->note([] { return "woken"; });
  }

  void wake() noexcept {
    engine* e = engine::inside();
    if (e == nullptr) {
      woken_ = true;
      return;
    }
    e->step();
    woken_ = true;
    e->memory().give(e->me(), left_);
    e->note([] { return "wake"; });
    e->unblock(this);
  }

 private:
  bool woken_ = false;
  view left_;  // what its wakers have seen
};

// What stands for a spin loop's pause: the scheduler lets others go first.
inline void relax() noexcept {
  if (engine* e = engine::inside()) e->relax();
}

struct sync {
  template <class T>
  using atomic = explore::atomic<T>;
  template <class T>
  using plain = explore::plain<T>;
  using mutex = explore::mutex;
  using parker = explore::parker;
  static void fence_seq_cst() noexcept { fence(std::memory_order_seq_cst); }
  static void relax() noexcept { explore::relax(); }
};

}  // namespace async::explore
