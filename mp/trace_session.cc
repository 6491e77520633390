// One trace: see trace_session.h.
#include "mp/detail/trace_session.h"

#include <cstdio>
#include <new>

namespace async::detail {

trace_session::trace_session(std::size_t bytes_per_lane)
    : records_(trace_ring::fitting(bytes_per_lane)),
      began_(trace_instant::now()),
      wall_clock_(trace_clock::nanoseconds(CLOCK_REALTIME)) {}

trace_lane& trace_session::lane(unsigned cpu) {
  const std::lock_guard lock(mutex_);
  if (lanes_.size() <= cpu) lanes_.resize(cpu + 1);
  if (lanes_[cpu] == nullptr) {
    lanes_[cpu] = std::make_unique<trace_lane>(records_, began_.ticks);
  }
  return *lanes_[cpu];
}

bool trace_session::push_from_outside(color_state& color, task* t) noexcept {
  const std::lock_guard lock(outside_mutex_);
  // relaxed: written under the lock.
  trace_lane* lane = outside_.load(std::memory_order_relaxed);
  if (lane == nullptr) {
    try {
      lane = new trace_lane(records_, began_.ticks);
    } catch (const std::bad_alloc&) {
      return color.mail.push(t);
    }
    outside_lane_.reset(lane);
    outside_.store(lane, std::memory_order_release);  // what it is made of is seen by lanes()
  }
  lane->post(t, color);
  if (!color.mail.push(t)) return false;
  lane->made_runnable();
  return true;
}

std::vector<trace_session::named_lane> trace_session::lanes() const {
  std::vector<named_lane> result;
  const std::lock_guard lock(mutex_);
  for (std::size_t cpu = 0; cpu != lanes_.size(); ++cpu) {
    if (lanes_[cpu] != nullptr) result.push_back({static_cast<int>(cpu), lanes_[cpu].get()});
  }
  if (const auto* const outside = outside_.load(std::memory_order_acquire)) {
    result.push_back({-1, outside});
  }
  return result;
}

}  // namespace async::detail
