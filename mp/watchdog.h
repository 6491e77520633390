// The watchdog: says which callback holds its color for too long, and what waits for it. And the
// hang report: what runs, what waits, and what keeps the program alive.
//
//   ASYNC_WATCHDOG=2 ./server            # seconds; SIGUSR1 then prints the table
//
//   async::watchdog_start({.limit = 2s});  // or from within the program
//   async::table_on_signal(SIGUSR1);
//   std::fputs(async::hang_report().c_str(), stderr);
//
// docs/watchdog.md shows what is said, and tells what it means.
//
// A thread of its own looks at the CPUs, eight times in a `limit` or four times a second, whichever
// is more often. CPUs take no lock and read no clock for it. It says something
//   - when a callback has run for `limit`, for twice as long, four times as long, ...: which, under
//     which color, whether it computes or sleeps, and what waits behind it; and when it has ended;
//   - when the program has waited for `limit` for drain() to return, for callbacks to end after
//     stop(), or for amain() to end blocking work: then with the whole table.
//
// Cost: none while it is off but for a look at a flag in each turn of up to 16 callbacks; a few ns
// for each callback while it is on.
//
// A uniprocessor build has the watchdog's thread, too: it only reads, and only while a callback
// runs or the CPU sleeps. Explorations (explore.h) are not watched. A forked child is not watched
// until it calls watchdog_start() itself.
//
// Thread-safety: everything here may be called by any thread, callback or not.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <system_error>

namespace async {

struct watchdog_options {
  // How long a callback may run. At least 1 ms.
  std::chrono::nanoseconds limit = std::chrono::seconds(1);
  // Takes what there is to say: one or more lines, each with its end. Called by the watchdog's
  // thread, one at a time; must not throw, and not call watchdog_stop(). If empty, standard error.
  std::function<void(const std::string&)> report{};
};

// Begins to watch: the runtime that there is, from each CPU's next turn on, and those that come.
// Once more: with the new options. Throws std::system_error if there can be no thread.
void watchdog_start(watchdog_options options = {});

// Ends it, and waits for a report that is being made.
void watchdog_stop() noexcept;

// The table: what each CPU does, which colors have callbacks that wait, and, if the runtime's
// waiter can tell (that of amain() can), the events that are registered. What the CPUs do is known
// only while the watchdog is on. Runnable colors wait while they are looked at: some ms, if there
// are tens of thousands of callbacks. Throws std::bad_alloc.
std::string hang_report();

// From now on this signal makes the watchdog's thread print the table, where its reports go, as
// long as the watchdog is on. The signal's former handler is forgotten; a later one, sigcb's or
// another, takes its place. Fails as sigaction() does.
std::error_code table_on_signal(int signal);

}  // namespace async
