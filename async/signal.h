// Signals as callbacks (stages 1 and 2).
//
//   async::sigcb(SIGTERM, async::wrap([] { async::stop(); }));
//
// Thread-safety: any thread, any color, with or without a runtime; does not block. Not from a
// signal handler.
#pragma once

#include <system_error>

#include "wrap/callback.h"

namespace async {

// Has `cb` posted, to its own color, when the process gets the signal `number`; it may do all that
// callbacks may. Each signal has at most one callback; a new one replaces the old one, a null one
// takes it away and gives the signal back what it did before the first. Like pending signals,
// several that come before the callback begins are one; one that comes later calls it again.
//
// The signal handler itself keeps errno, and interrupts no system call that can be restarted.
//
// Cancellation: as for fdcb().
//
// Fails, and then has changed nothing and never calls `cb`, with EINVAL if the number is no
// signal's, or that of one that can't be caught (SIGKILL, SIGSTOP) or that says that an instruction
// has failed (SIGSEGV, SIGBUS, SIGFPE, SIGILL): that can't go on before the callback, nor wait for
// it. Throws std::bad_alloc, and std::system_error if the very first use of async/ can't make the
// loop.
std::error_code sigcb(int number, callback<void>::ptr cb);

}  // namespace async
