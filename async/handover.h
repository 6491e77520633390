// Listening sockets that outlive a process: given by systemd, or by the process whose place this
// one takes; and telling systemd how we are (stage 2).
//
//   for (const auto& s : async::inherited_sockets()) door.listen(s.fd);   // none: make our own
//   ...
//   async::notify("READY=1");                                // ready to serve
//   ...
//   void upgrade() {                                         // on SIGHUP, say
//     async::hand_over({{web_fd, "web"}}, {"/usr/bin/served", "--option"},
//                      async::wrap([](std::error_code e) {
//       if (e) return async::warn("still the old program: %s", e.message().c_str());
//       door.drain(30s, async::wrap([](std::size_t) { async::stop(); }));
//     }));
//   }
//
// The protocols are systemd's, of sd_listen_fds(3) and sd_notify(3); nothing here needs systemd. In
// hand_over() no connection is refused: the listening sockets, and those who wait in their backlog,
// are there all the time. The old process goes on until the new one says READY=1, and if that
// fails.
//
// Thread-safety: inherited_sockets() reads and changes the environment, so call it when the program
// starts; the others may be called from any thread and any color.
#pragma once

#include <string>
#include <system_error>
#include <vector>

#include "wrap/callback.h"

namespace async {

struct named_socket {
  int fd = -1;
  std::string name;  // FileDescriptorName= in systemd's unit; "unknown" if it was given none
};

// The listening sockets that were passed to this process: the fds from 3 on that LISTEN_FDS counts,
// if LISTEN_PID is this process, with the names in LISTEN_FDNAMES. They are made non-blocking and
// closed on exec; the caller owns them. These variables are taken out of the environment, and a
// second call finds nothing. What is not an open socket that listens is warned of and left out (and
// left open); so is everything if the variables make no sense.
std::vector<named_socket> inherited_sockets();

// Starts `arguments`, of which the first is the program's path, with these sockets as systemd would
// give them to it, and otherwise with our environment. Calls `done` once, under its color: with no
// error when the new process has called notify() with READY=1, which also makes it the service's
// main process for systemd; else with what went wrong: EINVAL if a name has a colon or a control
// character in it or there is no program, what fork(2) or execve(2) say, or ECHILD if the process
// has ended, or closed all that it inherited, before it was ready. There is no time limit.
//
// Forks, which for a process with much memory takes milliseconds.
void hand_over(const std::vector<named_socket>& sockets, const std::vector<std::string>& arguments,
               callback<void, std::error_code>::ref done);

// Sends a message such as "READY=1", "STOPPING=1", "STATUS=...", or several, one in a line, to the
// service manager, if NOTIFY_SOCKET in the environment tells of one (an absolute path, or an
// abstract socket's name after an @). Nobody to tell is no failure. Does not block: EAGAIN if
// nobody reads there. If there is READY=1 among it, who has handed its sockets over to us is told,
// too.
std::error_code notify(const std::string& state) noexcept;

// "RELOADING=1", with the time that systemd wants beside it.
std::string reloading();

}  // namespace async
