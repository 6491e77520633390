// A client's end of one channel, for programs with an event loop: connects, checks the server's
// key, sends records and passes on the messages that come. It does not come back when the
// connection is lost: session.h makes another one. Serves stages 1, 2, 5 and 6.
//
// Thread safety: one color (the default color).
// Invariants: nothing is sent or passed on before the server has proved that it holds the key which
// the settings name. `ended` is called once, unless close() comes first; nothing is called after
// it, and nothing from within a call of this class.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "async/net.h"
#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/channel/handshake.h"
#include "examples/sfsd/channel/inbox.h"
#include "examples/sfsd/channel/record.h"
#include "examples/sfsd/client/timing.h"
#include "suio/suio.h"

namespace sfs {

using session_id = std::array<std::uint8_t, 32>;

// A record that is being put together: the payload is written to where it will be sealed.
class outgoing_record final : public async::refcount {
 public:
  // At most record_max_payload bytes. They are not zeroed: fill all of them.
  explicit outgoing_record(std::size_t payload)
      : size_(payload + record_overhead), memory_(new std::uint8_t[size_]) {}

  bytes frame() noexcept { return {memory_.get(), size_}; }
  bytes payload() noexcept { return payload_of(frame()); }

 private:
  std::size_t size_;
  std::unique_ptr<std::uint8_t[]> memory_;
};

// How a channel ended that was not closed by us.
struct channel_end {
  std::string why;
  bool wrong_key = false;  // it was not the server that the HOSTID names
};

class async_channel final : public async::refcount {
 public:
  struct handlers {
    async::callback<void, const session_id&>::ref opened;
    async::callback<void, const_bytes>::ref message;  // valid until it returns
    async::callback<void, const channel_end&>::ref ended;
  };
  // Calls back once with a connected non-blocking socket, or with -1 and errno set.
  using connector = std::function<void(async::callback<void, int>::ref)>;

  // The settings and the clock must outlive it.
  async_channel(const client_settings& settings, timing& time, handlers h);
  ~async_channel();

  // Once.
  void connect(const server_location& where);
  void connect(const connector& how);

  // Whether so much has not been written yet that what is sent now would only wait.
  bool congested() const noexcept { return out_.resid() >= enough_waiting; }

  // Called once after congested() was seen to be true, when it no longer is.
  void when_less_congested(async::callback<void>::ref cb) { relieved_ = std::move(cb); }

  // Seals the record and sends it. Only once opened. If the connection has broken, nothing happens:
  // `ended` will say so.
  void send(async::ref<outgoing_record> record);

  // Ends the channel; well, if the socket takes the goodbye at once.
  void close();

 private:
  enum class state : std::uint8_t { connecting, handshake, open, closed };

  void connected(int fd);
  void readable();
  bool receive();
  void writable();
  void shake_hands();
  void take_messages();
  void queue_ratchet_if_due(std::size_t payload);
  void write();
  void watch_for_writing(bool on);
  void end(std::string why, bool wrong_key = false);
  void release_all();

  static constexpr std::size_t enough_waiting = 256 * 1024;
  static constexpr int buffers_at_a_time = 8;  // then others have their turn
  timing& time_;
  std::optional<handlers> handlers_;
  async::callback<void>::ptr relieved_;
  async::tcpconnect_t connecting_;
  fd_owner socket_;
  state state_ = state::connecting;
  bool writing_ = false;
  bool broken_ = false;  // writing has failed; reading will tell
  std::optional<handshake> handshake_;
  std::optional<sender> sender_;
  inbox inbox_;
  async::suio out_;
};

}  // namespace sfs
