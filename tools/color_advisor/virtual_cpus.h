// Virtual CPUs: what runs the library's own scheduler, compiled with ASYNC_VIRTUAL_CPUS, in virtual
// time (mp/detail/virtual_sync.h says what it needs).
//
// Each CPU is a fiber with a clock of its own; that whose clock is lowest runs, of equals the one
// that was made first. So a run is the same each time. The fiber 0 is whoever made the machine, and
// counts as no CPU.
//
// Thread-safety: none; at most one machine exists at a time, and one thread uses it.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "mp/detail/worker.h"

namespace advisor {

// In ns.
using ns = std::int64_t;

struct wake_costs {
  ns call = 0;    // what the waker's CPU is busy for
  ns delay = 0;   // from the call until the woken runs
  ns pause = 45;  // of one turn of a spin loop's pause instruction
};

class machine {
 public:
  explicit machine(const wake_costs& costs);
  ~machine();
  machine(const machine&) = delete;
  machine& operator=(const machine&) = delete;

  static machine& here() noexcept { return *here_; }

  // Of the running fiber.
  ns now() const noexcept { return fibers_[running_]->now; }
  std::size_t running() const noexcept { return running_; }

  // The running fiber computes for so long; others whose clocks it passes run meanwhile.
  void spend(ns time) {
    spend_quietly(time);
    yield();
  }
  // The same, but others run later only: where a lock may be held.
  void spend_quietly(ns time) noexcept { fibers_[running_]->now += time; }
  // Lets those run whose clocks are behind.
  void yield() {
    due_[running_] = fibers_[running_]->now;
    switch_to_next();
  }

  // The running fiber sleeps until `time`, or until wake() or hurry(); without a time, until those.
  static constexpr ns forever = std::numeric_limits<ns>::max();
  void sleep_until(ns time);
  // A sleeping fiber goes on at the caller's time, or `time` if that is later than what it sleeps
  // for; it does nothing to others.
  void hurry(std::size_t fiber, ns time) noexcept;
  // The running fiber has to wake that one, which costs both something.
  void wake(std::size_t fiber) noexcept;

  std::size_t start(std::function<void()> body);
  void join(std::size_t fiber);

  // All sleep, and no time comes at which one of them would wake up: fiber 0 goes on then, to say
  // so.
  bool is_stuck() const noexcept { return stuck_; }

  const wake_costs& costs() const noexcept { return costs_; }

 private:
  // What belongs to a thread, where CPUs are threads.
  struct thread_local_state {
    async::detail::worker* current = nullptr;
    async::detail::color_state* running = nullptr;
    async::detail::color_state* posting_to_itself = nullptr;
    std::uint64_t reapers_run = 0;
  };

  struct fiber {
    ucontext_t context{};
    void* stack = nullptr;
    ns now = 0;
    bool sleeps = false;
    bool over = false;
    std::size_t joiner = 0;
    std::function<void()> body;
    thread_local_state locals;
  };

  static void enter();
  void switch_to_next();
  void switch_to(std::size_t next);

  static machine* here_;
  const wake_costs costs_;
  std::vector<std::unique_ptr<fiber>> fibers_;
  std::vector<ns> due_;  // by fiber: when it goes on, if nothing happens before
  std::size_t running_ = 0;
  bool stuck_ = false;
};

}  // namespace advisor
