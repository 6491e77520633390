// What carries one connection's calls and replies while it is loaded: a channel whose records are
// sealed, or plain TCP, as other NFS servers speak it. Serves stages 5 and 6.
//
// Replies come in one of two ways, which is chosen at the start. If all have one length, they can
// be counted without being looked at: the kernel throws them away, and only some are opened. That
// works because a record's nonce is its number. Else every one of them is opened, in order.
//
// Thread safety: one color (the default color).
// Invariant: everything that comes is counted; a server that closes the connection, or sends what
// does not open, ends the program.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "examples/sfsd/channel/inbox.h"
#include "examples/sfsd/client/channel.h"
#include "examples/sfsd/rpc/stream.h"
#include "suio/suio.h"

namespace sfs {

enum class replies : std::uint8_t { of_one_length, of_any_length };

class load_wire {
 public:
  load_wire(client_channel::parts sealed, replies r);
  load_wire(fd_owner plain, replies r);

  int fd() const noexcept { return socket_.get(); }
  void close() noexcept { socket_ = fd_owner(); }

  // --- Calls. A buffer of them begins with so many bytes that send() uses, and its calls, record
  // marks in front, are no longer than a record's payload.
  static constexpr std::size_t room_in_front = record_header_size;
  void send(std::vector<std::uint8_t> calls);
  // Writes what is waiting. False if the socket is full.
  bool flush();

  // --- Replies of one length. What is said and asked in messages includes the record mark.
  std::size_t size_on_wire(std::size_t message) const noexcept {
    return to_server_ ? message + record_overhead : message;
  }
  // Both return how many bytes came; 0 if there is nothing now.
  std::size_t discard(std::size_t most);
  std::size_t collect(bytes to);
  // So many were discarded.
  void skipped(std::uint64_t count, std::size_t message) noexcept;
  // Opens the next one, which was collected: the message without its record mark.
  const_bytes open(bytes collected);
  // How many more can be counted before the lengths do not fit any more: then the server sends a
  // record in between, to turn the key.
  bool key_is_used_up() const noexcept;

  // --- Replies of any length.
  // The next one without its record mark, valid until the next call; false if it is not there yet.
  bool next(const_bytes& message);
  // Receives. False if there is nothing now.
  bool receive();

 private:
  fd_owner socket_;
  std::optional<sender> to_server_;      // of a sealed wire
  std::optional<receiver> from_server_;  // of a sealed wire with replies of one length
  std::optional<inbox> inbox_;           // of a sealed wire with replies of any length
  message_reader plain_messages_;
  std::vector<std::uint8_t> received_;  // of a plain wire with replies of any length
  async::suio out_;
};

}  // namespace sfs
