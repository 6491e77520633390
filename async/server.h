// A server's connections: accepted from several addresses, within limits, each with a color of its
// own; and a good end for all of them (stages 1 and 2).
//
//   struct client : async::refcount {
//     explicit client(async::incoming& from) : fd(from.take()), slot(std::move(from.slot)) {}
//     ~client() override { close(fd); }
//     void begin() {
//       slot.on_drain<&client::finish>(this);
//       async::fdcb(fd, async::selread,
//                   async::cwrap(slot.its_color(), mkref(this), &client::readable));
//     }
//     void end() {           // the last callbacks let go of it, and it is closed
//       async::fdcb(fd, async::selread, nullptr);
//       slot.end();
//     }
//     void finish();         // the server drains: answer what was asked, then end()
//     ...
//   };
//   void arrived(async::incoming from) { async::make_ref<client>(from)->begin(); }
//
//   async::server door({.connections = 10'000, .per_address = 100}, async::wrap(&arrived));
//   for (const char* where : {"8080", "[::1]:8081", "/run/echo.socket"})
//     if (auto error = door.listen(async::listening_socket(where))) async::fatal(...);
//   async::sigcb(SIGTERM, async::wrap([&] {
//     door.drain(30s, async::wrap([](std::size_t) { async::stop(); }));
//   }));
//   async::amain();
//
// Accepting has a color of its own, too, so it neither waits for the connections' work nor holds it
// up. What a connection costs here is its slot, 56 bytes, and where connections are counted per
// address, some 40 bytes for each address that has some.
//
// Thread-safety: a server's functions may be called from any thread and any color, and do not
// block, except for short internal locks; a slot or an incoming is as thread-safe as an int. After
// a fork() without exec the child must leave all of them alone.
#pragma once

#include <boost/intrusive/list_hook.hpp>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include "async/net.h"
#include "async/peer.h"
#include "mp/color.h"
#include "wrap/callback.h"
#include "wrap/refcnt.h"
#include "wrap/where.h"

namespace async {

namespace detail {
class admission;
struct address_count;
}  // namespace detail

// What becomes of connections when there are as many as may be.
enum class when_full {
  // They wait in the kernel's backlog until others end: a burst costs its clients time, and the
  // server nothing. The right thing where connections are short, or somebody else can't help.
  wait,
  // They are closed at once: clients learn it at once and can go elsewhere. The right thing where
  // connections last for long, or several processes share a port: those in a backlog of a process
  // that is full are not given to another.
  refuse,
};

struct server_options {
  std::size_t connections = 0;  // at most so many at once; 0: no limit but the process's own
  when_full full = when_full::wait;
  // At most so many from one network, 0: no limit. More are closed at once: their waiting would
  // have to be at the cost of others. The clients of Unix sockets have no address, and no limit.
  std::size_t per_address = 0;
  // How many bits of an address make a network: its holder may take any address of an IPv6 /64.
  unsigned ipv4_bits = 32;  // at most 32
  unsigned ipv6_bits = 64;  // at most 64
  // Whether each connection gets a fresh color; else they all have the default color.
  bool own_colors = true;
};

// A connection's place in its server's count, from the moment that it is accepted until the slot is
// destroyed or ended, which may be done by any thread and color. To be kept in the object that
// stands for the connection. It may outlive the server.
class connection_slot {
 public:
  // None; nothing is counted.
  connection_slot() noexcept = default;
  // Takes over another's place; `other` is then none. Not after on_drain().
  connection_slot(connection_slot&& other) noexcept;
  connection_slot& operator=(connection_slot&&) = delete;
  ~connection_slot() { end(); }

  // Whether it has a place.
  explicit operator bool() const noexcept { return static_cast<bool>(admission_); }

  // The connection's color; the default color, if it is none.
  const color& its_color() const noexcept { return color_; }

  // Has self->Method() called, once, when the server drains; at once if it already does: posted to
  // `under`, which is the connection's color from then on. At most once for a slot. The slot has to
  // be a member of *self (this aborts, naming the caller, if it is not). Until then, or until
  // end(), *self is kept alive, as by any registered callback. Does nothing if the slot is none.
  // After the server was destroyed, nothing is called any more.
  //
  // Cancellation: after end(), called under `under`, Method is not called any more.
  template <auto Method, std::derived_from<refcount> T>
    requires(std::is_invocable_v<decltype(Method), T&>)
  void on_drain(T* self, const color& under, where site = where::current()) {
    const auto* const at = reinterpret_cast<const std::byte*>(this);
    const auto* const begin = reinterpret_cast<const std::byte*>(self);
    register_drain(
        self, [](refcount& r) { (static_cast<T&>(r).*Method)(); }, under,
        at >= begin && at < begin + sizeof(T), site);
  }
  template <auto Method, std::derived_from<refcount> T>
  void on_drain(T* self, where site = where::current()) {
    on_drain<Method>(self, color_, site);
  }

  // The connection is over. Drops what on_drain() keeps, at the end. Does nothing if the slot is
  // none, or was ended.
  void end() noexcept;

 private:
  friend detail::admission;
  using hook = boost::intrusive::list_member_hook<
      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  void register_drain(refcount* self, void (*call)(refcount&), const color& under, bool is_member,
                      where site);

  ptr<refcount> admission_;  // the server's, or null
  color color_;
  // Guarded by the admission's lock:
  hook hook_;
  detail::address_count* address_ = nullptr;  // null: not counted by its address
  ptr<refcount> target_;                      // to be called when the server drains, or null
  void (*call_)(refcount&) = nullptr;
};
static_assert(sizeof(connection_slot) == 56);

// A connection that was accepted. If nobody takes the fd, it is closed with this.
class incoming {
 public:
  // For the library's own use.
  incoming(int fd, std::size_t door, const peer_address& peer, connection_slot&& place) noexcept
      : slot(std::move(place)), peer_(peer), door_(door), fd_(fd) {}
  incoming(incoming&& other) noexcept
      : slot(std::move(other.slot)),
        peer_(other.peer_),
        door_(other.door_),
        fd_(std::exchange(other.fd_, -1)) {}
  incoming& operator=(incoming&&) = delete;
  ~incoming();

  // The connection's fd, non-blocking and closed on exec, which the caller then owns; -1 if it has
  // been taken before.
  int take() noexcept { return std::exchange(fd_, -1); }

  const peer_address& peer() const noexcept { return peer_; }

  // Which of the server's listening sockets it came from: 0 for the first that was given to
  // listen(), and so on.
  std::size_t door() const noexcept { return door_; }

  // Its place in the server's count; move it into what stands for the connection.
  connection_slot slot;

 private:
  peer_address peer_;
  std::size_t door_;
  int fd_;
};

class server {
 public:
  struct counters {
    std::size_t connections = 0;           // now
    std::uint64_t accepted = 0;            // ever
    std::uint64_t refused_full = 0;        // closed, since there were too many
    std::uint64_t refused_by_address = 0;  // closed, since there were too many from its network
  };

  // `arrived` is called with each connection that is let in, under that connection's color (whether
  // `arrived` was given another one by cwrap or not: that one is called as cwrap says). So with
  // own_colors it runs for several connections at the same time. That connections are turned away
  // or have to wait is said by warn(), at most every ten seconds.
  server(server_options options, callback<void, incoming>::ref arrived);

  // Stops accepting and closes the listening sockets. Nobody is told to finish, and `done` of a
  // drain() that is not over is not called.
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  // Takes over a non-blocking socket that listens, and accepts from it. If it is negative, returns
  // the errno by which there is none; if it can't be watched, closes it and returns why. Not
  // after drain(). If the socket is of no use any more, later (it was shut down, say), warn() says
  // so, and others go on.
  std::error_code listen(int listening_fd);

  // Ends well: closes the listening sockets, tells each connection to finish (on_drain()), and
  // waits until all are gone, or for `limit`. Then calls `done` once, under its color, with the
  // number of those that are left. What waits in a backlog is refused by the kernel, unless another
  // process has the listening socket, too (see async/handover.h).
  //
  // Called again, it hurries: the first call's `done` is called now, with what is left; the second
  // one's arguments are dropped.
  void drain(std::chrono::nanoseconds limit, callback<void, std::size_t>::ref done);

  // What was counted until now.
  counters count() const;

 private:
  class impl;
  ref<impl> impl_;
};

// Makes a socket that listens at `where`: "PORT" (all of this machine's addresses), "ADDRESS:PORT",
// "[IPv6]:PORT", or the path of a Unix socket, which has a slash in it. A Unix socket at which
// nobody listens any more is replaced. With port_use::shared several processes may listen at one
// port, and the kernel spreads connections over them (SO_REUSEPORT; of one user only). Returns the
// fd, or -1 with errno: EINVAL if `where` is none of these, or what socket(2), bind(2) and
// listen(2) say.
int listening_socket(const std::string& where, port_use use = port_use::exclusive) noexcept;

// Takes as many fds as the hard limit lets the process have, and returns how many that is, less
// those in `reserve` for other things than connections; but no fewer than half of all. To be
// compared with server_options::connections.
std::size_t room_for_connections(std::size_t reserve = 64) noexcept;

}  // namespace async
