// See reply.h.
#include "examples/sfsd/rpc/reply.h"

#include <algorithm>
#include <utility>

namespace sfs {

block_pool::block block_pool::take(std::size_t at_least) {
  for (std::size_t i = count_; i-- > 0;) {
    if (blocks_[i].size < at_least) continue;
    block found = std::move(blocks_[i]);
    std::move(blocks_ + i + 1, blocks_ + count_, blocks_ + i);
    --count_;
    return found;
  }
  // Not zeroed: only what has been written is ever sent.
  return {std::unique_ptr<std::uint8_t[]>(new std::uint8_t[at_least]), at_least};
}

void block_pool::give(block b) noexcept {
  if (count_ == kept) {  // the one that was not used for longest goes
    std::move(blocks_ + 1, blocks_ + kept, blocks_);
    --count_;
  }
  blocks_[count_++] = std::move(b);
}

void block_pool::clear() noexcept {
  while (count_ > 0) blocks_[--count_] = {};
}

reply::reply(block_pool& pool, std::size_t max_payload)
    : block_(pool.take(max_payload + record_overhead)), max_payload_(max_payload) {}

void reply::finish(std::size_t payload) noexcept {
  payload_ = payload;
  store_be32(at(0), last_fragment | static_cast<std::uint32_t>(payload - record_mark_size));
}

}  // namespace sfs
