// Record marking (RFC 5531 section 11): cuts the channel's stream of bytes into RPC messages.
// Serves stage 5.
//
// A message that lies whole in the bytes given is not copied: it is a part of them. Only one that
// is cut by the end of what has been received, or sent in several fragments, is put together in a
// buffer of its own, which goes when the message has been read.
//
// Thread safety: one thread (or color) at a time.
// Invariants: holds at most `max_message` bytes; after a failure everything fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "examples/sfsd/base/bytes.h"

namespace sfs {

inline constexpr std::size_t record_mark_size = 4;
inline constexpr std::uint32_t last_fragment = 0x80000000;

class message_reader {
 public:
  explicit message_reader(std::size_t max_message) noexcept : max_(max_message) {}

  // Gives it the next bytes of the stream. They must stay where they are, and nothing more may be
  // fed, until next() has returned `more`.
  void feed(const_bytes input) noexcept { input_ = input; }

  enum class got : std::uint8_t { message, more, failed };

  // The next message, valid until the next call; or that more bytes are needed; or that the stream
  // breaks the rules (a message too long or in too many pieces).
  got next(const_bytes& message);

  // Whether the message that next() gave stays where it is, as a part of what was fed, when next()
  // is called again.
  bool stays() const noexcept { return !given_; }

  // Whether a message has begun that has not ended.
  bool in_message() const noexcept {
    return in_fragment_ || (!partial_.empty() && !given_) || mark_filled_ > 0;
  }

 private:
  got fail() noexcept;
  bool take_mark() noexcept;

  static constexpr unsigned max_fragments = 64;
  std::size_t max_;
  const_bytes input_;
  std::vector<std::uint8_t> partial_;
  std::uint8_t mark_[record_mark_size];
  std::size_t mark_filled_ = 0;
  std::size_t fragment_left_ = 0;
  unsigned fragments_ = 0;
  bool in_fragment_ = false;
  bool last_ = false;
  bool given_ = false;  // partial_ has been returned as a message and can go
  bool failed_ = false;
};

}  // namespace sfs
