// The library's map, and the one header that includes everything.
//
// A server is written as callbacks. What happens to each, from an event to its answer, are the six
// stages to which the first comment of every file here refers:
//
//   1 readiness     the select callback waits in libev for      async/detail/select_loop.h
//                   fds, timers, signals and children
//   2 registration  each event finds its callback and           async/fd.h timer.h signal.h child.h
//                   that one's color                            async/net.h server.h resolve.h
//                                                               async/file.h process.h blocking.h
//                                                               wrap/wrap.h
//   3 posting       the callback joins its color's FIFO; an     mp/color.h
//                   idle color joins the queue
//   4 dequeuing     a worker, one per CPU, takes the next       mp/runtime.h
//                   runnable color from the queue
//   5 running       it runs some of that color's callbacks,     mp/runtime.h
//                   in order, and gives the color back
//   6 output        callbacks fill buffers, which drain into    suio/suio.h async/aios.h
//                   fds without copying
//
//        fd ready           fdcb, delaycb, ...        post                 workers
//   1 ------------> libev ------------> 2 callback, color ---> 3 queue ---> 4, 5 callback ---> 6 fd
//                     ^                                                            |
//                     +----------------- idle workers wait in it ------------------+
//
// A program that names no color runs as it would on one CPU: every callback has the default color,
// and two callbacks of one color never overlap. Give a hot callback a color with cwrap, and it runs
// beside the others, on another CPU.
//
//   #include <cerrno>
//   #include <csignal>
//   #include <cstring>
//
//   #include "async/async.h"
//
//   void new_client(int fd) {
//     if (fd < 0) async::fatal("can't accept: %s", strerror(errno));
//     auto c = async::make_ref<client>(fd);  // counted: wrap/refcnt.h
//     auto own = async::color::fresh();
//     async::fdcb(fd, async::selread, async::cwrap(own, c, &client::readable));
//   }
//
//   int main(int, char** argv) {
//     async::setprogname(argv[0]);
//     async::acceptor door(async::tcp_listen(7), async::wrap(&new_client));
//     if (!door) async::fatal("port 7: %s", strerror(errno));
//     async::sigcb(SIGTERM, async::wrap([] { async::stop(); }));
//     async::amain();
//   }
//
// The layers, each of which includes only those to its left:  wrap  suio  mp  async
//
// Guarantees 1 to 6, 8 and 9 are stated in mp/runtime.h. Number 7, cancellation: after
// fdcb(fd, op, nullptr), timecb_remove, sigcb, chldcb, tcpconnect_cancel, dnsreq_cancel or
// blocking_cancel, called by the callback's own color, the callback does not run, even if its event
// had already been queued. Called by another color, it may still be running or about to. And of 8:
// a registration that fails never calls back.
//
// Thread-safety: each header says it.
#pragma once

#include "async/address.h"
#include "async/aios.h"
#include "async/blocking.h"
#include "async/child.h"
#include "async/err.h"
#include "async/fd.h"
#include "async/file.h"
#include "async/handover.h"
#include "async/main.h"
#include "async/net.h"
#include "async/overload.h"
#include "async/process.h"
#include "async/resolve.h"
#include "async/server.h"
#include "async/signal.h"
#include "async/timer.h"
#include "async/tls.h"
#include "mp/color.h"
#include "mp/colored.h"
#include "mp/runtime.h"
#include "suio/suio.h"
#include "wrap/wrap.h"
