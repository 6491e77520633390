// A client's end of a channel, for programs that do one thing at a time: connects, checks the
// server's key, sends calls and waits for replies. It blocks, and is not for use in callbacks;
// serves no stage.
//
// Thread safety: one thread at a time.
// Invariant: nothing is sent or returned before the server has proved that it holds the key which
// the path names.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/channel/handshake.h"
#include "examples/sfsd/channel/inbox.h"
#include "examples/sfsd/channel/record.h"
#include "examples/sfsd/users/login.h"

namespace sfs {

struct client_options {
  std::vector<suite> suites{std::begin(all_suites), std::end(all_suites)};
  // Where to connect instead of the path's location: HOST%PORT. The key must be the path's all the
  // same.
  std::optional<server_location> instead{};
  std::chrono::seconds timeout{30};  // for the server to do anything
  // Called, once, when it has done nothing for so long while the channel is being made.
  std::function<void()> silent{};
  std::chrono::milliseconds slow_after{1'500};
};

// A connected TCP socket. `silent` as in client_options.
outcome<fd_owner> connect_to(const server_location& where, const client_options& options);

// The longest reply there is: a READ of 64 KiB.
inline constexpr std::size_t max_reply = record_max_payload;

class client_channel {
 public:
  static outcome<std::unique_ptr<client_channel>> connect(const self_certifying_path& server,
                                                          const client_options& options = {});

  sfs::suite suite() const noexcept { return suite_; }

  // What a LOGIN on this channel signs, but for the sequence number.
  const login_statement& statement() const noexcept { return statement_; }

  // Sends whole RPC messages, record marks included. Empty, or why it failed.
  std::string send(const_bytes messages);

  // The next RPC message; valid until the next call. Fails when the server has closed the channel,
  // and says whether it was cut off.
  outcome<const_bytes> receive();

  // Ends the channel well.
  void close();

  // Breaks the connection off, also for a send() that is waiting in another thread.
  void hang_up() noexcept;

  // The parts, for a program that goes on with an event loop. Only when no reply is awaited; the
  // channel is then good for nothing more.
  struct parts {
    fd_owner socket;
    sender to_server;
    receiver from_server;
  };
  parts take_apart() { return {std::move(socket_), std::move(sender_), inbox_.take_receiver()}; }

 private:
  client_channel(fd_owner socket, inbox received, session_secrets secrets,
                 login_statement statement);
  std::string send_frame(record_type type, const_bytes payload);

  fd_owner socket_;
  inbox inbox_;
  sender sender_;
  sfs::suite suite_;
  login_statement statement_;
  std::vector<std::uint8_t> frame_;
};

}  // namespace sfs
