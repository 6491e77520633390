// What `sync` is when CPUs and time are virtual: each CPU is a fiber, all of one thread, and has a
// clock of its own. A fiber runs until it waits, or until its clock has passed another's; so the
// one whose clock is lowest runs always, and what CPUs do to each other happens in the order of
// their time. tools/color_advisor/virtual_cpus.cc has the fibers.
//
// Only a library that is compiled with ASYNC_VIRTUAL_CPUS uses this.
//
// Thread-safety: none; there is one thread. A mutex is never held where a fiber may be left.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>

#include "wrap/detail/atom.h"

namespace async::detail {

// As parker: a binary semaphore on which one fiber sleeps.
class virtual_parker {
 public:
  void wait() noexcept;
  bool wait_for(std::chrono::nanoseconds timeout) noexcept;
  void signal() noexcept;

 private:
  bool take_signal() noexcept { return std::exchange(signalled_, false); }

  static constexpr std::size_t nobody = ~std::size_t{0};
  bool signalled_ = false;
  std::size_t sleeper_ = nobody;
};

// As std::thread: a fiber that begins at the time at which it is made.
class virtual_thread {
 public:
  explicit virtual_thread(std::function<void()> body);
  void join();

 private:
  std::size_t fiber_;
};

struct virtual_sync {
  template <class T>
  using atomic = atom<T>;
  using mutex = std::mutex;
  using parker = virtual_parker;

  struct clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<clock>;
    static constexpr bool is_steady = true;
    // Of the running fiber; others whose clocks are behind run first.
    static time_point now() noexcept;
  };

  static void fence() noexcept {}
  static void relax() noexcept;
};

}  // namespace async::detail
