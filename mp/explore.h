// Exploration, for tests: runs a program again and again, on one thread and in virtual time, each
// time with its callbacks in another order among those that the guarantees allow, and says in which
// one it failed (stages 4 and 5 with another policy).
//
//   TEST(account, is_never_overdrawn) {
//     const auto found = async::explore([] {
//       account a;
//       async::post(async::color::fresh(), [&] { a.withdraw(10); });
//       async::post(async::color::fresh(), [&] { a.withdraw(10); });
//       async::amain();
//       if (a.balance() < 0) throw std::runtime_error("overdrawn");
//     });
//     EXPECT_FALSE(found.failed) << found.message;
//   }
//
// The program is a function that sets things up, runs a runtime or amain(), and throws if something
// is wrong afterwards; an exception that leaves a callback is a failure, too. It is called once for
// each schedule, and should begin each time with the same state: what it leaves registered (fds,
// timers, signals) the next one finds.
//
// One callback runs at a time; which of the runnable colors is next is drawn. run() and amain()
// return when stop() was called, or when nothing is left: no color is runnable, no fd that is
// watched is ready, and no timer is set. (They may do so more than once in one program.) They have
// one CPU, whatever their options say, and runtime::start() throws. steady_now() and all timers go
// by a clock that stands still while anything can run, and then jumps to the next timer.
//
// The same seed gives the same schedules on every machine, if the program depends on nothing but
// the order: not on the real clock, on addresses, on other threads or processes. That is checked
// for a schedule that fails: if it does not fail again, that is said.
//
// What overlapping callbacks of different colors do to each other is not seen, as nothing overlaps.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace async {

struct explore_options {
  // How many schedules are run at most; the first one is FIFO, the order of one CPU.
  unsigned schedules = 1000;
  // Of the schedules that are drawn. ASYNC_SEED in the environment goes before it.
  std::uint64_t seed = 1;
  // One schedule after the other, none twice, in place of those that are drawn: first those which
  // deviate from FIFO late.
  bool exhaustive = false;
  // Of the exhaustive ones, only those that so often take another color than the one whose turn it
  // is.
  unsigned most_deviations = ~0u;
  // A schedule of more callbacks fails: it does not end.
  std::uint64_t most_callbacks = 1'000'000;
  // How long, in real time, nothing may happen before it is believed that nothing will; for a
  // program that waits for other threads or processes. Then the same seed need not give the same.
  std::chrono::milliseconds patience{0};
  // Not empty: only this schedule, exploration::replay of an earlier one. ASYNC_REPLAY in the
  // environment goes before it.
  std::string replay{};
};

struct exploration {
  bool failed = false;
  unsigned schedules = 0;  // that were run, without those which shrank a failure
  bool complete = false;   // exhaustive: there are no more
  // Of a failure: what failed, the seed, and the deviations from FIFO that it takes; in words.
  std::string message;
  // The same schedule, shrunk: as few deviations from FIFO as were found to suffice, each as
  // CALLBACK:COLORS: before that callback, counted from 0, so many colors were sent to the back of
  // the queue. Empty for FIFO itself.
  std::string replay{};
};

// Throws std::logic_error when a runtime exists, and std::invalid_argument for a replay, or a seed
// in the environment, that is none. Not from a callback, nor from the program itself.
exploration explore(const std::function<void()>& program, const explore_options& options = {});

}  // namespace async
