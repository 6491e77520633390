// The duplicate-request cache: replies to calls that must not be carried out twice. A client that
// lost its channel sends again, on a new one, what was not answered; if the call was carried out,
// its reply is found here. Serves stage 5.
//
// A client's replies come in the order of its calls, so of what it sends again nothing is older
// than the calls that it may have under way: that many replies are enough.
//
// Thread safety: one thread (or color) at a time.
// Invariant: at most `capacity` replies are kept, the newest.
#pragma once

#include <cstdint>
#include <vector>

#include "examples/sfsd/base/bytes.h"
#include "examples/sfsd/rpc/message.h"

namespace sfs {

class replay_cache {
 public:
  static constexpr std::size_t capacity = 64;

  // The reply to this call, as remember() got it; empty if it was not carried out, or too long ago.
  const_bytes find(const rpc_call& call) const noexcept;
  void remember(const rpc_call& call, const_bytes reply);

  // The client has all of them.
  void clear() noexcept;

 private:
  struct entry {
    std::uint32_t xid = 0, procedure = 0;
    std::uint64_t arguments = 0;  // a digest: who makes two alike only fools himself
    std::vector<std::uint8_t> reply;
  };
  std::vector<entry> entries_;
  std::size_t next_ = 0;
};

}  // namespace sfs
