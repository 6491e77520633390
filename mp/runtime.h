// The runtime: one kernel thread ("worker") per CPU drains the one queue of colored callbacks
// (stages 4 and 5 of the map in async/async.h).
//
//   async::runtime cpus;                     // as many CPUs as the process may use
//   post(async::color::fresh(), [] { ... });  // may come before or after the start
//   cpus.run();                              // this thread is CPU 0; returns after async::stop()
//
// A program has one queue, so at most one runtime exists at a time; a new one may be made as soon
// as the old one is gone. Servers with fds, timers and signals call amain() of async/main.h, which
// makes the runtime for them.
//
// A uniprocessor build (ASYNC_UNIPROCESSOR) has plain counters instead of atomic ones: it runs on
// one CPU, by run() only, and once it runs, nothing may be posted by another thread (that aborts).
//
// Thread-safety: construct, start, drain, stop and destroy a runtime from one thread that is not
// running a callback. The free functions may be called from anywhere.
//
// Guarantees, numbered as in the README, which names the tests that hold each:
//
//  1. Exclusion: two callbacks of one color never overlap; what the first wrote the second sees.
//
//  2. Order: callbacks posted to one color by one callback or thread run in the order of posting.
//
//  3. Exactly once: each posted callback runs once, or is destroyed unrun and counted by stop().
//
//  4. Fairness: see fairness_bound().
//
//  5. Default color: what names no color has the default color.
//
//  6. Independence: two different colors are never serialised with each other; but what a running
//     callback posted last may wait for it to end (publish() in mp/color.h prevents that).
//
//  8. Failure: an exception that leaves a callback ends the program, naming the callback's call
//     site, unless runtime_options::on_exception is set.
//
//  9. Colored calls: see cwrap in mp/color.h.
//
// (7, cancellation, belongs to the event sources in async/.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>

#include "wrap/where.h"

namespace async {

namespace detail {
class scheduler;
}

// Something that an idle_waiter waits for, as a hang report tells it.
struct awaited_event {
  const char* kind;   // "fd to read", "timer": a literal
  std::string which;  // "5", "in 3.2 s"; may be empty
  std::string color;  // of its callback
  where site;         // that wrapped its callback
};

// How an idle CPU waits: the hook through which async/ plugs in the select callback. mp/ itself
// knows nothing of fds.
//
// At most one worker at a time, the leader, is inside poll() or wait(). What they find ready they
// post(); the leader then runs it, and other workers are woken only if there is much of it.
class idle_waiter {
 public:
  virtual ~idle_waiter() = default;

  // Posts what is ready now, without waiting. Also called by busy workers, every few callbacks.
  virtual void poll() noexcept = 0;

  // Posts what is ready, and if nothing is, sleeps until something becomes so or until wake().
  // May return early for no reason.
  virtual void wait() noexcept = 0;

  // In an exploration, when nothing is ready: moves virtual time (clock.h) to the next timer, for
  // poll() to post. False if there is none.
  virtual bool skip_to_timer() noexcept { return false; }

  // Tells what it waits for: any thread, any time; a hang report (watchdog.h) asks. One that can't
  // tell tells nothing.
  virtual void tell_events(const std::function<void(awaited_event)>& /*tell*/) {}

  // Makes the wait() in progress return, or, when none is, the next one. Any thread, any time.
  virtual void wake() noexcept = 0;
};

// Takes an exception that left a callback, and the place where that callback was wrapped or
// posted. Runs on the worker, under the callback's color; must not throw.
using exception_handler = std::function<void(std::exception_ptr, where)>;

struct runtime_options {
  // The number of workers; 0 means default_cpus().
  unsigned cpus = 0;
  // Whether each worker is bound to one CPU. Applies only when there is more than one worker, and
  // exactly one for each CPU that the process may use. Threads that a callback makes inherit the
  // binding of its worker; a forked child gets back the whole set.
  bool pin = true;
  // If empty, an exception that leaves a callback ends the program with a message.
  exception_handler on_exception{};
  // If null, idle workers only sleep. Must outlive the runtime.
  idle_waiter* waiter = nullptr;
};

// What became of the callbacks that were posted: of those taken up since the runtime was made,
// `ran` have run and `destroyed` were still pending at the stop and were destroyed unrun.
struct run_summary {
  std::uint64_t ran = 0;
  std::uint64_t destroyed = 0;
};

// The most CPUs that a runtime takes.
inline constexpr unsigned max_cpus = 256;

class runtime {
 public:
  // Starts nothing yet. Throws std::logic_error if another runtime exists, and
  // std::invalid_argument for more than max_cpus CPUs.
  explicit runtime(runtime_options options = {});

  // Stops first, if it still runs.
  ~runtime();

  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  // Makes one thread for each CPU; the calling thread stays outside. Throws std::system_error if a
  // thread can't be made, and std::logic_error if it already runs.
  void start();

  // The calling thread becomes CPU 0, the other CPUs become threads. Returns after async::stop().
  run_summary run();

  // Blocks until no callback is runnable or running. The caller must be outside (after start()),
  // and must be the only one that still posts from outside, or the answer is of the past. Events
  // that have not yet happened (a timer, a readable fd) are not waited for.
  void drain();

  // After start(): lets each worker finish the callback that it is running, joins them, and
  // destroys unrun what is still pending. What is posted afterwards waits for the next runtime.
  // Without a start() it is empty.
  run_summary stop();

  unsigned cpus() const noexcept;

 private:
  std::unique_ptr<detail::scheduler> scheduler_;
};

// Asks the runtime to stop; run() then returns, at once if it has not begun yet. Callable from
// callbacks and from any thread, but not from a signal handler (use sigcb). Does nothing when there
// is no runtime.
void stop() noexcept;

// The number of CPUs that a runtime uses unless told otherwise: the environment's ASYNC_NCPU if it
// is a number from 1 to max_cpus (if it is set to anything else, or to nothing, a message on
// standard error says that it is ignored), or else the CPUs in the affinity mask, cut to what the
// cgroup's CPU quota allows, rounded up. Always 1 in a uniprocessor build.
unsigned default_cpus();

// Whether the calling thread is running a callback.
bool on_worker() noexcept;

// The most callbacks in a row that one color runs before other runnable colors have their turn (K).
inline constexpr unsigned turn_length = 16;

// Fairness: when `runnable` colors are runnable and a further one becomes so, then each CPU runs at
// most this many callbacks before that color's turn comes (a color's turn is at most turn_length
// callbacks; the part of the queue that other threads fill is served at the latest every 16
// turns, in shares of at most 32 colors). Each posted callback is bounded likewise, and readiness
// is polled at least every poll_interval callbacks or turns.
constexpr std::uint64_t fairness_bound(std::uint64_t runnable) noexcept {
  return turn_length * (2 * runnable + 64);
}

// While there is work, each busy CPU polls readiness after at most so many turns, and, turns being
// of up to turn_length callbacks, after at most four times so many callbacks; but not before it has
// run as many callbacks as the last poll brought.
inline constexpr unsigned poll_interval = 64;

}  // namespace async
