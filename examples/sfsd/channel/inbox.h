// What was received on a channel and not yet used: first the handshake's bytes, then records, which
// are opened where they lie and cut into messages. Serves stage 5.
//
// Thread safety: one thread (or color) at a time.
// Invariants: the buffer is never longer than the longest frame and a little; a message stays where
// it is until the next call of next(), and if stays() until the next call of space().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "examples/sfsd/base/bytes.h"
#include "examples/sfsd/channel/record.h"
#include "examples/sfsd/rpc/stream.h"

namespace sfs {

class inbox {
 public:
  explicit inbox(std::size_t max_message) noexcept : messages_(max_message) {}

  // Where to receive into; never empty. received() says how much came. Not while a message is in
  // use.
  bytes space();
  void received(std::size_t n) noexcept { end_ += n; }

  // The bytes of the handshake, and that so many of them are used.
  const_bytes unopened() const noexcept { return {buffer_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t n) noexcept { begin_ += n; }

  // The handshake is done: from now on what comes are records.
  void open_with(receiver r) { receiver_.emplace(std::move(r)); }

  // Takes the receiver away, for somebody who goes on without an inbox. Only if nothing is left in
  // it.
  receiver take_receiver() { return std::move(*receiver_); }

  enum class got : std::uint8_t {
    message,
    more,    // nothing whole is left: receive
    closed,  // the other side has ended the channel well
    failed,  // a record does not open, or what was in it breaks the rules
  };
  // The next message. Only after open_with().
  got next(const_bytes& message);

  // Whether the message that came last is good until space() is called.
  bool stays() const noexcept { return messages_.stays(); }

  // Gives the buffer's memory back if nothing is in it.
  void trim() noexcept;

 private:
  got open_frame();

  static constexpr std::size_t first_size = 4096;
  static constexpr std::size_t max_size = record_max_payload + record_overhead + 4096;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t size_ = 0, begin_ = 0, end_ = 0;
  std::optional<receiver> receiver_;
  message_reader messages_;
};

}  // namespace sfs
