// One NFS client on this machine: its socket, the calls that it makes, the replies that it gets.
// Plain RPC over TCP. Serves stages 1, 2 and 6.
//
//     readable -> take_message -> gateway::called -> (the session, or at once) -> reply -> flush
//
// What was read is never copied on its way to the session if it is long: a WRITE's data are taken
// from one queue of bytes to another.
//
// Thread safety: one color (the default color). With the color of a client for all of it, and the
// default one for the gateway, it would be parallel as the server is.
// Invariants: a client that has so many calls under way, or does not read so many bytes of its
// replies, is not read from, nor is any while the session is full; the socket is closed exactly
// once, and nothing is written to it after that.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/rpc/message.h"
#include "suio/suio.h"
#include "wrap/refcnt.h"

namespace sfs {

class gateway;

// A call that was taken apart.
struct local_call {
  rpc_call header;                      // its `arguments` are not valid any more
  std::vector<std::uint8_t> arguments;  // all of them, or the first ones of a long call
  async::suio data;                     // the others
};

class local_client final : public async::refcount, public boost::intrusive::list_base_hook<> {
 public:
  // Takes over the fd, which must be non-blocking. `name` is for messages.
  local_client(gateway& owner, int fd, std::string name);

  void begin();

  // The answer to one of its calls.
  void reply(std::uint32_t xid, rpc_accept status, const_bytes results = {});
  // The same, but what RPC itself has to say: a header that was written by one of rpc/message.h's
  // functions.
  void refuse(const_bytes header);

  // Goes on with what it had to stop: the session has room again.
  void go_on();

  // Takes no further calls.
  void stop_taking();

  void drop(const std::string& why);
  void close();

  bool is_closed() const noexcept { return !socket_; }
  // Whether nothing is under way for it and all replies are written.
  bool is_quiet() const noexcept { return calls_ == 0 && out_.empty(); }
  const std::string& name() const noexcept { return name_; }

 private:
  enum class got : std::uint8_t { message, more, dropped };

  void readable();
  void take_calls();
  got take_message();
  bool take_mark();
  bool take_call();
  bool may_take() const noexcept;
  void watch_for_calls();
  void put(const_bytes header, const_bytes results);
  void flush_soon();
  void flush();
  void broke(const std::error_code& how);

  gateway& gateway_;
  fd_owner socket_;
  std::string name_;
  bool reading_ = false, writing_ = false, flush_posted_ = false, stopped_ = false;
  std::size_t calls_ = 0;  // not answered yet

  async::suio in_;       // what was received
  async::suio message_;  // what of it belongs to the present message
  std::size_t fragment_left_ = 0;
  unsigned fragments_ = 0;
  bool in_fragment_ = false, last_ = false;

  async::suio out_;
};

}  // namespace sfs
