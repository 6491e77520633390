// Turning on and off what looks at the workers: see detail/observers.h.
#include "mp/detail/observers.h"

#include <mutex>

namespace async::detail {

constinit std::atomic<unsigned> observation{0};

namespace {

constinit std::mutex observers_mutex;
constinit unsigned observers_on = 0;      // guarded by the mutex, as is the next
constinit unsigned observer_changes = 0;  // without 0

void set_observers(unsigned which) noexcept {
  observers_on = which;
  if (++observer_changes == 0) ++observer_changes;
  observation.store(observers_on != 0 ? observer_changes : 0, std::memory_order_relaxed);
}

}  // namespace

void turn_on(observer who) noexcept {
  const std::lock_guard lock(observers_mutex);
  set_observers(observers_on | static_cast<unsigned>(who));
}

void turn_off(observer who) noexcept {
  const std::lock_guard lock(observers_mutex);
  set_observers(observers_on & ~static_cast<unsigned>(who));
}

// Another thread of the parent may have held the lock.
void forget_observers() noexcept {
  new (&observers_mutex) std::mutex;
  set_observers(0);
}

}  // namespace async::detail
