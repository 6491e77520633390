// One RPC reply in the form in which it is sent: the frames of the record layer, one behind the
// other in one block of memory, with the reply's bytes already at the place where they will be
// sealed. A file's data is read straight into it and is never copied again: stage 6.
//
//     | header | up to 65,536 bytes of payload | tag | header | the rest of the payload | tag |
//
// The payload is the record mark (4 bytes), the RPC header, the results. Most replies are one
// frame; a READ of 64 KiB needs a second, small one.
//
// Thread safety: a value; one thread (or color) at a time.
// Invariant: positions count bytes of payload; where a position lies in memory never changes.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "examples/sfsd/base/bytes.h"
#include "examples/sfsd/channel/record.h"
#include "examples/sfsd/rpc/stream.h"

namespace sfs {

// Memory for replies. A block that has just been sent is still in the CPU's cache: it is the next
// to be used. Holds at most `kept` blocks. One thread (or color) at a time.
class block_pool {
 public:
  struct block {
    std::unique_ptr<std::uint8_t[]> memory;
    std::size_t size = 0;
  };
  block take(std::size_t at_least);
  void give(block b) noexcept;
  void clear() noexcept;

 private:
  static constexpr std::size_t kept = 16;  // a batch's replies
  block blocks_[kept];
  std::size_t count_ = 0;
};

class reply {
 public:
  // Room for this much payload, the record mark included.
  reply(block_pool& pool, std::size_t max_payload);

  // Where the payload from `at` on lies; `size` bytes that do not cross into the next frame.
  std::uint8_t* at(std::size_t position) noexcept {
    return block_.memory.get() + position + record_header_size +
           position / record_max_payload * record_overhead;
  }
  // The same for any part of the payload: one or two pieces. Returns how many.
  int pieces(std::size_t position, std::size_t size, iovec out[2]) noexcept;

  std::size_t max_payload() const noexcept { return max_payload_; }

  // Says how long the payload is in the end, and writes the record mark in front.
  void finish(std::size_t payload) noexcept;

  // Calls f(bytes) with each frame: header, payload, tag.
  template <class F>
  void for_each_frame(F f) {
    for (std::size_t done = 0; done < payload_; done += record_max_payload) {
      const std::size_t n = std::min(record_max_payload, payload_ - done);
      f(bytes(at(done) - record_header_size, n + record_overhead));
    }
  }

  // All frames, as they are written to the socket.
  bytes wire() noexcept { return {block_.memory.get(), wire_size(payload_)}; }

  static constexpr std::size_t wire_size(std::size_t payload) noexcept {
    return payload + (payload + record_max_payload - 1) / record_max_payload * record_overhead;
  }

  block_pool::block release() noexcept { return std::move(block_); }

 private:
  block_pool::block block_;
  std::size_t max_payload_;
  std::size_t payload_ = 0;
};

}  // namespace sfs
