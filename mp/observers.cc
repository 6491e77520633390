// Turning on and off what looks at the workers: see detail/observers.h.
#include "mp/detail/observers.h"

#include <mutex>

namespace async::detail {

constinit std::atomic<unsigned> observation{0};

namespace {

constinit std::mutex mutex;
constinit unsigned on = 0;       // guarded by mutex, as is the next
constinit unsigned changes = 0;  // without 0

void set(unsigned which) noexcept {
  on = which;
  if (++changes == 0) ++changes;
  observation.store(on != 0 ? changes : 0, std::memory_order_relaxed);
}

}  // namespace

void turn_on(observer who) noexcept {
  const std::lock_guard lock(mutex);
  set(on | static_cast<unsigned>(who));
}

void turn_off(observer who) noexcept {
  const std::lock_guard lock(mutex);
  set(on & ~static_cast<unsigned>(who));
}

// Whoever turns one on forks at no time meanwhile that matters: the lock is made anew.
void forget_observers() noexcept {
  new (&mutex) std::mutex;
  set(0);
}

}  // namespace async::detail
