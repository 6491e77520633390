// A trace of the callbacks that run: which, when, on which CPU, under which color, posted by which,
// and for how long each waited, computed and was blocked.
//
//   ASYNC_TRACE=trace.json ./server      # written when amain() or the runtime is over
//
//   async::trace_start();                // or from within the program
//   ...
//   async::trace_write("trace.json");    // as often as you like, also while it goes on
//
// The file opens in Perfetto (ui.perfetto.dev) and chrome://tracing: a lane for each CPU, one for
// each color, and arrows from a post to the callback's run. docs/trace.md tells what is in it.
//
// Memory: each CPU has a ring, and so have all other threads together. When it is full, the oldest
// records are overwritten; the file says how many. So a trace may be on for days and then shows the
// last moments. A callback takes three records of 40 bytes (with g++).
//
// Cost: none while it is off but for a look at a flag in each turn of up to 16 callbacks; some tens
// of ns for each callback while it is on. No lock is taken but by threads that are no workers.
//
// In the environment, `%p` in ASYNC_TRACE is replaced by the process's number, ASYNC_TRACE_MIB is
// the number of MiB for each CPU (8). The file is written whenever a runtime has finished, and at
// exit() if one is running then. It is written beside its place and then moved there: if the
// program is killed, what was written before is left, and nothing of what came after. A forked
// child is not traced.
//
// Thread-safety: everything here may be called by any thread, callback or not.
#pragma once

#include <cstddef>
#include <string>

#include "wrap/where.h"

namespace async {

struct trace_options {
  // For each CPU, and for all other threads together.
  std::size_t bytes_per_cpu = std::size_t{8} << 20;
};

// Begins a trace, and forgets what was traced before. Blocks for some 200 us the first time. Throws
// std::bad_alloc. CPUs allocate their rings when they note the first callback; one that has no
// memory for it is not traced, and a message says so.
void trace_start(trace_options options = {});

// Ends it; what was traced is kept for trace_write(). A CPU in the middle of a turn may still note
// the rest of it.
void trace_stop() noexcept;

// Whether a trace is going on.
bool tracing() noexcept;

// For a callback that does several things one after the other, by plain calls: what it does from
// here on is a run of its own in the trace, at this line, bound to `object` (null: to none), and
// posted by what it did before. So a trace shows what each part takes, and color-advisor tells what
// a color for one of them would gain. Does nothing outside of a callback, or while nothing is
// traced.
//
//   void connection::run(const async::color& c, step next, async::where site) {
//     if (!c.is_current()) return post(c, next, site);
//     async::trace_step(this, site);
//     (this->*next)();
//   }
void trace_step(const void* object, where site = where::current()) noexcept;

// Writes what was traced last, or is being traced, to a file. Takes about a second for each million
// records; a callback that calls it holds up its color and CPU for so long. Throws
// std::system_error if the file cannot be written, and std::logic_error if nothing was traced.
void trace_write(const std::string& file);

}  // namespace async
