// Sockets: listening, accepting, connecting; IPv4, IPv6 and Unix (stages 1 and 2).
//
//   async::acceptor door(async::tcp_listen(2049), async::wrap(&new_client));  // new_client(int fd)
//   if (!door) async::fatal("port 2049: %s", strerror(errno));
//
//   auto connecting = async::tcpconnect("example.org", 80,
//                                       async::wrap(mkref(this), &page::connected));
//   async::tcpconnect_cancel(connecting);
//
// All sockets made here are non-blocking and closed on exec. As in libasync, what returns an fd
// returns -1 on failure, with errno set.
//
// Thread-safety: everything here may be called from any thread and any color, with or without a
// runtime, and does not block. One handle or acceptor is as thread-safe as an int.
#pragma once

#include <cstdint>
#include <string>

#include "wrap/callback.h"
#include "wrap/refcnt.h"

namespace async {

// Whether only one socket may listen at a port, or several (SO_REUSEPORT), of processes of one
// user: the kernel then spreads connections over them, each in a backlog of its own.
enum class port_use { exclusive, shared };

// Makes a socket of `type` (SOCK_STREAM or SOCK_DGRAM) that is bound to `port` (0: any free one) of
// `address`: a numeric IPv4 or IPv6 address, or "" for all of this machine's (IPv6 and IPv4, or
// only IPv4 on a machine without IPv6). Stream sockets get SO_REUSEADDR, so that a server can be
// started again at once. EINVAL if the address is not numeric, or the port not from 0 to 65535.
int inetsocket(int type, int port = 0, const std::string& address = "",
               port_use use = port_use::exclusive) noexcept;

// The same for a stream socket, which then listens.
int tcp_listen(int port, const std::string& address = "", int backlog = 4096,
               port_use use = port_use::exclusive) noexcept;

// The port that a socket is bound to; 0 if it is none, or no internet socket.
std::uint16_t local_port(int fd) noexcept;

// Listens on a Unix socket that is made in the file system at `path`, which must not exist (see
// unlink(2)). ENAMETOOLONG if it is longer than such addresses are (107 bytes).
int unixsocket_listen(const std::string& path, int backlog = 4096) noexcept;

// A socket connected to the Unix socket at `path`. Does not wait: EAGAIN if the server's backlog is
// full.
int unixsocket_connect(const std::string& path) noexcept;

// Accepts connections for as long as it lives.
//
// `cb` is called with each new connection's fd, which it owns, under the color of `cb`. When the
// process or the machine is out of fds or memory, accepting pauses and is tried again every 100 ms,
// and connections wait in the backlog meanwhile; warn() says so, at most every ten seconds. If the
// listening socket is of no use any more (it was shut down, say), cb(-1) is called once, with errno
// set, and that is all.
//
// The acceptor may be destroyed or moved by any color, cb's own included, and while cb runs; if by
// cb's color, cb is not called any more.
class acceptor {
 public:
  // Accepts nothing.
  acceptor() noexcept = default;
  // Takes over `listening_fd`, a non-blocking socket that listens, and closes it in the end. If it
  // is negative, or can't be watched, the acceptor accepts nothing and cb is never called; errno is
  // then as it was for a negative one, which so tells why there is no socket, or says why it can't.
  acceptor(int listening_fd, callback<void, int>::ref cb);
  acceptor(acceptor&&) noexcept = default;
  acceptor& operator=(acceptor&& other) noexcept;
  ~acceptor();

  // Whether it was made to accept: false by default, after a move, and if the constructor failed;
  // still true after cb(-1).
  explicit operator bool() const noexcept { return static_cast<bool>(loop_); }

 private:
  ptr<refcount> loop_;
};

// A connection that is being made, or none; one counted pointer. Dropping it changes nothing.
class tcpconnect_t {
 public:
  tcpconnect_t() noexcept = default;
  tcpconnect_t(std::nullptr_t) noexcept {}
  // Whether it stands for an attempt, be that under way or over.
  explicit operator bool() const noexcept { return static_cast<bool>(attempt_); }

  // For the library's own use.
  explicit tcpconnect_t(ptr<refcount> attempt) noexcept : attempt_(std::move(attempt)) {}
  refcount* get() const noexcept { return attempt_.get(); }

 private:
  ptr<refcount> attempt_;
};

// Connects to a host by name or numeric address. Calls cb once, under its color and never from
// within this call: with the fd, which it then owns; or with -1 and errno set, when all of the
// host's addresses, tried in turn, have failed. errno is that of the last address, or ENOENT if
// there is no such host, EAGAIN if the name servers did not answer, or EINVAL if the port is not
// from 0 to 65535.
//
// Names are looked up as by dns_hostbyname() of async/resolve.h.
//
// There is no time limit but the kernel's, of minutes: use delaycb and tcpconnect_cancel.
tcpconnect_t tcpconnect(std::string host, int port, callback<void, int>::ref cb);

// Gives up. From cb's own color: cb is not called any more, even if the connection has been made or
// has failed, and the fd, if any, is closed. From another color cb may be running or about to, and
// then owns its fd. Does nothing if cb has been called, or it was cancelled before, or it is none.
void tcpconnect_cancel(const tcpconnect_t& attempt);

}  // namespace async
