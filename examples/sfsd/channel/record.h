// The record layer: what goes over the wire once the handshake is done. A record is sealed
// (encrypted and authenticated) where it lies, in the buffer that is then written to the socket:
// stage 6. On the way in it is opened where it was received: stage 5.
//
//     frame  =  header (4)  |  payload (0 to 66,560)  |  tag (16)
//     header =  type (1 byte)  |  length of the payload (3 bytes, big-endian)
//
// The header is authenticated with the record. The nonce is the direction's IV xor the record's
// number; numbers count from 0 in each direction and never start again, so a record that is
// altered, left out, repeated, moved, or taken from another session does not open. What does not
// open ends the channel: nothing after it is accepted. A channel ends well with a `close` record;
// without one it was cut.
//
// A key is used for at most 2^22 records, 64 GiB and one hour. Then the sender sends a `ratchet`
// record and both sides go on with a key that HKDF made of the old secret, which they wipe: who
// steals the new key cannot read what was sent before.
//
// Thread safety: `record_key::seal` needs the key, a number and a buffer and nothing of the stream,
// so the records of one stream can be sealed in any callback and in any order, one at a time for
// one record_key. `sender` and `receiver` are used by one thread (or color) at a time.
// Invariants: no number is used twice with one key. After a failure a receiver returns only
// `failed`.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "examples/sfsd/base/bytes.h"
#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/base/secret.h"
#include "examples/sfsd/channel/suite.h"

namespace sfs {

inline constexpr std::size_t record_header_size = 4;
inline constexpr std::size_t record_tag_size = 16;
inline constexpr std::size_t record_overhead = record_header_size + record_tag_size;
// A READ's or a WRITE's 64 KiB of data, with all that an RPC message has before them.
inline constexpr std::size_t record_max_payload = 65536 + 1024;

enum class record_type : std::uint8_t { data = 0, close = 1, ratchet = 2 };

// How long the frame is that begins with these four bytes. Empty if no frame can begin so: unknown
// type, or longer than allowed.
std::optional<std::size_t> frame_size(const std::uint8_t* header) noexcept;

// One key of one direction, ready for use: OpenSSL's context has its key schedule made once, and
// only the nonce changes from record to record. One thread at a time, any thread.
class record_key {
 public:
  enum class use : std::uint8_t { sealing, opening };
  record_key(suite s, use u, const secret32& traffic_secret);
  ~record_key();
  record_key(record_key&&) noexcept = default;  // the source is only good for being destroyed
  record_key& operator=(record_key&&) noexcept = default;

  // `frame` has room for the header, the payload, which is in its place, and the tag. Never repeat
  // a number. Ends the program if OpenSSL fails: the frame would be plain text.
  void seal(std::uint64_t number, record_type type, bytes frame);

  // Whether `frame`, header to tag, is what the other side sealed under this number. If so its
  // payload is plain text now; if not its content is unspecified and must not be used.
  [[nodiscard]] bool open(std::uint64_t number, bytes frame);

 private:
  void make_nonce(std::uint64_t number, std::uint8_t* nonce) const noexcept;

  static constexpr std::size_t iv_size = 12;
  cipher_context context_;
  secret<iv_size> iv_;
};

// How long one key may be used. The defaults are the protocol's; tests use small ones.
struct epoch_limits {
  std::uint64_t records = std::uint64_t{1} << 22;
  std::uint64_t bytes = std::uint64_t{64} << 30;
  std::chrono::steady_clock::duration age = std::chrono::hours(1);
};

// What both directions share: the secret, the key made of it, the count of records.
class direction {
 public:
  direction(suite s, record_key::use u, secret32 traffic_secret, epoch_limits limits);

  std::uint64_t next_number() const noexcept { return next_number_; }

 protected:
  // Counts a record of this many payload bytes and returns its number.
  std::uint64_t count(std::size_t payload) noexcept;
  bool fits(std::size_t payload) const noexcept {
    return records_ < limits_.records && bytes_ + payload <= limits_.bytes;
  }
  void ratchet_key();
  void wipe() noexcept;

  epoch_limits limits_;
  std::optional<record_key> key_;

 private:
  suite suite_;
  record_key::use use_;
  secret32 secret_;
  std::uint64_t next_number_ = 0;
  std::uint64_t records_ = 0;  // of this epoch
  std::uint64_t bytes_ = 0;    // of this epoch
};

// Seals a stream's records in order.
class sender : private direction {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  sender(suite s, secret32 traffic_secret, time_point now, epoch_limits limits = {});

  using direction::next_number;

  // Whether a ratchet record must go out before a record with this much payload may be sealed.
  bool ratchet_due(std::size_t payload, time_point now) const noexcept {
    return !fits(payload) || now - epoch_began_ >= limits_.age;
  }

  // Fills the empty frame (`record_overhead` bytes) with the ratchet record and goes on to the next
  // key.
  void ratchet(bytes frame, time_point now);

  // Seals the frame in place as the stream's next record. The caller asked ratchet_due() before; a
  // key used beyond its limits ends the program.
  void seal(record_type type, bytes frame);

 private:
  time_point epoch_began_;
};

enum class opened : std::uint8_t {
  data,       // the payload can be used
  ratcheted,  // nothing for the caller
  closed,     // the other side has ended the stream well; nothing may follow
  failed      // forged, damaged, out of order or past its limits: the channel is dead
};

// Opens a stream's records in order.
class receiver : private direction {
 public:
  receiver(suite s, secret32 traffic_secret, epoch_limits limits = {});

  using direction::next_number;

  // Opens the frame (exactly frame_size() bytes) in place. After `closed` and `failed` everything
  // fails, and the keys are gone.
  opened open(bytes frame);

  // Counts a frame with this much payload as received without looking at it. For a load generator
  // that checks only some of the records; what it skips is not authenticated.
  void skip(std::size_t payload) noexcept { count(payload); }

  // Whether the stream has ended with a close record. An end of file without it was a truncation.
  bool closed() const noexcept { return state_ == state::closed; }
  bool failed() const noexcept { return state_ == state::failed; }

 private:
  enum class state : std::uint8_t { open, closed, failed };
  opened fail() noexcept;

  state state_ = state::open;
};

// The payload of a frame of known size.
inline bytes payload_of(bytes frame) noexcept {
  return frame.subspan(record_header_size, frame.size() - record_overhead);
}

}  // namespace sfs
