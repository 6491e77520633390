// Child processes: callbacks when one ends (stages 1 and 2).
//
// Thread-safety: any thread, any color, with or without a runtime; does not block.
#pragma once

#include <sys/types.h>

#include <system_error>

#include "wrap/callback.h"

namespace async {

// Has `cb` posted once, to its own color, with the status that waitpid(2) gives, when the child
// process `pid` has ended, be that before or after this call. The child is reaped just before the
// callback runs. Other children are left alone: a program may wait for those itself. If somebody
// else reaps this one, or SIGCHLD is ignored (the kernel then does), the status is -1.
//
// A child has at most one callback; a new one replaces the old one, a null one takes it away, and
// leaves the child unreaped.
//
// Cancellation: as for fdcb().
//
// Each child that is waited for takes a file descriptor (pidfd_open(2)). Fails, and then has
// changed nothing and never calls `cb`, with ESRCH if there is no such process or it was reaped,
// with EMFILE or ENFILE if there is no fd, or what else pidfd_open gives. Throws std::bad_alloc,
// and std::system_error if the very first use of async/ can't make the loop.
std::error_code chldcb(pid_t pid, callback<void, int>::ptr cb);

// Sends a signal to a child that chldcb() has a callback for. Unlike kill(2) it never hits another
// process that has got the same number meanwhile, whichever color reaps the child. Fails with ESRCH
// if there is no such callback (any more) or the child has been reaped, and else as kill(2).
std::error_code chldkill(pid_t pid, int signal) noexcept;

}  // namespace async
