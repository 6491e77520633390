// The traced worker: what it does otherwise than worker.cc while a trace is on.
#include <cerrno>
#include <cstdio>
#include <new>
#include <utility>

#include "mp/detail/worker.h"

namespace async::detail {

// Begins or ends to take part in a trace, between two turns. Whether it takes part now.
bool worker::follow_trace(unsigned generation) noexcept {
  if (generation == traced_generation_) return lane_ != nullptr;
  leave_trace();
  trace_in_progress now = current_trace();
  if (now.session == nullptr) return false;
  try {
    lane_ = &now.session->lane(index_);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: no memory to trace CPU %u\n", program_invocation_short_name, index_);
  }
  session_ = std::move(now.session);
  traced_generation_ = now.generation;
  update_notes_posts();
  return lane_ != nullptr;
}

void worker::leave_trace() noexcept {
  traced_generation_ = 0;
  lane_ = nullptr;
  session_ = nullptr;
  update_notes_posts();
}

void worker::note(trace_kind kind) noexcept {
  // relaxed: as in is_traced().
  if (lane_ != nullptr && trace_generation.load(std::memory_order_relaxed) == traced_generation_) {
    lane_->note(kind);
  }
}

}  // namespace async::detail
