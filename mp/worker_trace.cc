// The observed worker: what it does otherwise than worker.cc while a trace, the watchdog or metrics
// are on.
#include <cerrno>
#include <cstdio>
#include <new>
#include <utility>

#include "mp/detail/watchdog_control.h"
#include "mp/detail/worker.h"

namespace async::detail {

// Between two turns. Whether it is observed now.
bool worker::follow_observers(unsigned now) noexcept {
  if (now == 0) {
    leave_observers();  // one that is being turned on just now is followed when it is on
    return false;
  }
  if (now == observed_) return true;
  observed_ = now;
  follow_trace();
  follow_watchdog();
  follow_metrics();
  update_notes_posts();
  return true;
}

void worker::leave_observers() noexcept {
  leave_trace();
  leave_watchdog();
  if (measured_ != nullptr) measured_->sleep();
  measured_ = nullptr;
  metrics_ = nullptr;
  observed_ = 0;
  update_notes_posts();
}

void worker::follow_watchdog() noexcept {
  if (!watchdog_is_on()) {
    leave_watchdog();
  } else if (status_ == nullptr) {
    watched_.open();
    status_ = &watched_;
  }
}

void worker::leave_watchdog() noexcept {
  if (status_ != nullptr) status_->close();
  status_ = nullptr;
}

void worker::follow_metrics() noexcept {
  auto now = current_metrics();
  if (now == metrics_) return;
  if (measured_ != nullptr) measured_->sleep();
  measured_ = nullptr;
  metrics_ = std::move(now);
  if (metrics_ == nullptr) return;
  try {
    measured_ = &metrics_->lane(index_);
    measured_->pause();
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: no memory to measure CPU %u\n", program_invocation_short_name,
                 index_);
  }
}

// A thread that is no worker posts: color.mail.push(t).
bool observed_push(color_state& color, task* t) noexcept {
  measure_post_from_outside(color, t);
  // relaxed: what goes with it is read under a lock.
  const bool traced = trace_generation.load(std::memory_order_relaxed) != 0;
  return traced ? traced_push(color, t) : color.mail.push(t);
}

// Begins or ends to take part in a trace.
void worker::follow_trace() noexcept {
  trace_in_progress now = current_trace();
  if (now.generation == traced_generation_) return;
  leave_trace();
  if (now.session == nullptr) return;
  try {
    lane_ = &now.session->lane(index_);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: no memory to trace CPU %u\n", program_invocation_short_name, index_);
  }
  session_ = std::move(now.session);
  traced_generation_ = now.generation;
}

void worker::leave_trace() noexcept {
  traced_generation_ = 0;
  lane_ = nullptr;
  session_ = nullptr;
}

void worker::note(trace_kind kind) noexcept {
  if (measured_ != nullptr) kind == trace_kind::park ? measured_->sleep() : measured_->pause();
  if (status_ != nullptr) {
    using place = cpu_status::place;
    status_->go(kind == trace_kind::park   ? place::asleep
                : kind == trace_kind::poll ? place::polling
                                           : place::working);
  }
  if (is_traced()) lane_->note(kind);
}

}  // namespace async::detail
