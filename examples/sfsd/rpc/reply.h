// One RPC reply in the form in which it is sent: a frame of the record layer, with the reply's
// bytes already at the place where they will be sealed. A file's data is read straight into it and
// is never copied again: stage 6.
//
//     | header | payload: record mark (4 bytes), RPC header, results | tag |
//
// Thread safety: a value; one thread (or color) at a time.
// Invariant: positions count bytes of payload; where a position lies in memory never changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "examples/sfsd/base/bytes.h"
#include "examples/sfsd/channel/record.h"
#include "examples/sfsd/rpc/message.h"
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

// Where the results of an accepted call begin in a reply's payload.
inline constexpr std::size_t results_at = record_mark_size + rpc_accepted_size;

class reply {
 public:
  // Room for this much payload, the record mark included: at most record_max_payload.
  reply(block_pool& pool, std::size_t max_payload);

  // Where the payload from `position` on lies.
  std::uint8_t* at(std::size_t position) noexcept {
    return block_.memory.get() + record_header_size + position;
  }

  std::size_t max_payload() const noexcept { return max_payload_; }

  // Says how long the payload is in the end, and writes the record mark in front.
  void finish(std::size_t payload) noexcept;

  // Header, payload, tag.
  bytes frame() noexcept { return {block_.memory.get(), payload_ + record_overhead}; }

  block_pool::block release() noexcept { return std::move(block_); }

 private:
  block_pool::block block_;
  std::size_t max_payload_;
  std::size_t payload_ = 0;
};

}  // namespace sfs
