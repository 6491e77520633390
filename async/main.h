// amain: the program's main loop (all stages).
//
//   int main(int, char** argv) {
//     async::setprogname(argv[0]);
//     async::delaycb(1s, async::wrap([] { async::stop(); }));
//     async::amain();
//   }
//
// Fds, timers, signals and children may be registered, and callbacks posted, before amain, and they
// stay registered when it returns; it may be called again.
//
// After fork() the child, if it does not exec, starts over: nothing is registered or posted there,
// and nothing of the parent's was destroyed. It must not return into the callback in which it was
// forked; it may register anew and call amain.
//
// Thread-safety: as for async::runtime; the calling thread must not be running a callback.
#pragma once

#include "mp/runtime.h"

namespace async {

// Runs callbacks until async::stop() is called: makes a runtime with these options that waits in
// the select callback, of which the calling thread becomes CPU 0. The options' `waiter` is ignored.
// From then on SIGPIPE is ignored, as libasync had it, unless sigcb() has a callback for it:
// writing to a closed connection fails with EPIPE. Throws as the constructor of runtime, and
// std::system_error if the very first use of async/ can't make the loop.
//
// In the end, work given to blocking() and operations on files are over or destroyed: this waits
// for what has begun, and the summary's `destroyed` counts what is not called back any more.
run_summary amain(runtime_options options = {});

// The select callback, to be a runtime's idle_waiter in programs that make the runtime themselves:
//   runtime cpus({.cpus = 2, .waiter = &select_waiter()});
// Lives as long as the program.
idle_waiter& select_waiter();

}  // namespace async
