// File descriptors: callbacks when one is readable or writable (stages 1 and 2).
//
//   async::make_async(fd);
//   async::fdcb(fd, async::selread, async::wrap(mkref(this), &conn::readable));
//   ...
//   async::fdcb(fd, async::selread, nullptr);   // always before the close
//   close(fd);
//
// Thread-safety: everything here may be called from any thread and any color, with or without a
// runtime, and does not block.
#pragma once

#include <system_error>

#include "wrap/callback.h"

namespace async {

enum selop : int { selread = 0, selwrite = 1 };

// Has `cb` posted, to its own color, whenever `fd` can be read (selread: there is data, an end of
// file, a connection or an error) or written (selwrite) without blocking. An fd has at most one
// callback for each; a new one replaces the old one, a null one takes it away.
//
// Level-triggered: as long as the fd stays ready the callback is posted again each time that it is
// done; it is never pending twice. A callback may clear or replace itself, and anything else, while
// it runs.
//
// Cancellation: if the old callback's own color replaces or clears it, it does not run any more,
// even if its event was already queued. If another color does, it may still be running or about to.
// The old callback is destroyed by this call, or if its event was already queued or it is running,
// when that is over.
//
// An fd has to be cleared before it is closed; its number may be used again at once. A number that
// was closed and opened again without clearing works again from its next fdcb on. An fd that is
// closed right after a registration, without clearing, ends the program, naming where the callback
// was made.
//
// What poll(2) would call always ready (regular files, directories, /dev/null) is so here too, and
// as long as it is watched no CPU sleeps.
//
// Fails, and then has changed nothing and never calls `cb`, with EBADF if the fd is not open (to
// clear a number that is not open is no failure, if it could be one), EINVAL for another selop, or
// ENOMEM. Throws std::system_error if the very first use of async/ can't make the loop.
std::error_code fdcb(int fd, selop op, callback<void>::ptr cb);

// Makes reads and writes of `fd` return EAGAIN instead of blocking.
std::error_code make_async(int fd) noexcept;

// Has exec() close `fd`.
std::error_code close_on_exec(int fd) noexcept;

// Has a TCP socket send small writes at once.
std::error_code tcp_nodelay(int fd) noexcept;

}  // namespace async
