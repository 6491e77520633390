// See replay_cache.h.
#include "examples/sfsd/server/replay_cache.h"

#include <functional>
#include <string_view>

namespace sfs {
namespace {

std::uint64_t digest_of(const_bytes arguments) noexcept {
  return std::hash<std::string_view>()(
      {reinterpret_cast<const char*>(arguments.data()), arguments.size()});
}

}  // namespace

const_bytes replay_cache::find(const rpc_call& call) const noexcept {
  if (entries_.empty()) return {};
  const std::uint64_t arguments = digest_of(call.arguments);
  for (const entry& e : entries_)
    if (e.xid == call.xid && e.procedure == call.procedure && e.arguments == arguments)
      return e.reply;
  return {};
}

void replay_cache::remember(const rpc_call& call, const_bytes reply) {
  if (entries_.size() < capacity) {
    entries_.reserve(capacity);
    entries_.emplace_back();
    next_ = entries_.size() - 1;
  }
  entry& e = entries_[next_];
  next_ = (next_ + 1) % capacity;
  e.xid = call.xid;
  e.procedure = call.procedure;
  e.arguments = digest_of(call.arguments);
  e.reply.assign(reply.begin(), reply.end());
}

void replay_cache::clear() noexcept {
  entries_ = {};
  next_ = 0;
}

}  // namespace sfs
