// The timers of one loop: see timer_queue.h. Serves stages 1 and 2.
#include "async/detail/timer_queue.h"

namespace async::detail {

ref<timer> timer_queue::add(stamp at, callback<void>::ref cb) {
  ref<timer> t = make_ref<timer>(std::move(cb));
  const std::lock_guard lock(mutex_);
  heap_.push(at, t.get());
  t->retain();  // the heap's share
  if (t->heap_index == 0) {
    update_earliest();
    if (at < alarm_at_ && asleep_.load(std::memory_order_relaxed)) {
      alarm_at_ = at;
      alarm_->set(at);
    }
  }
  return t;
}

// What is bound to the callback may set or remove timers when it is destroyed: so that is done
// without the lock.
void timer_queue::remove(timer& t) noexcept {
  t.prefetch_callback();
  callback<void>::ptr taken;
  {
    const std::lock_guard lock(mutex_);
    if (t.heap_index == not_in_heap) {
      taken = t.take_callback();
      return;
    }
    taken = t.take_callback_of_waiting();
    const bool first = t.heap_index == 0;
    heap_.remove(&t);
    if (first) update_earliest();
  }
  t.release();
}

bool timer_queue::prepare_sleep(stamp now) noexcept {
  const std::lock_guard lock(mutex_);
  const stamp first = heap_.earliest();
  if (first <= now) return false;
  if (rang_ || first < alarm_at_) {
    rang_ = false;
    alarm_at_ = first;
    alarm_->set(first);
  }
  asleep_.store(true, std::memory_order_relaxed);
  return true;
}

void timer_queue::expire(stamp now, event_list& ready) noexcept {
  if (earliest() > now) return;
  const std::lock_guard lock(mutex_);
  for (std::size_t n = 0; n < batch && heap_.earliest() <= now; ++n) ready.push_back(*heap_.pop());
  update_earliest();
}

void timer_queue::forget() noexcept {
  lost_.push_back(std::exchange(heap_, {}));
  alarm_at_ = never;
  rang_ = false;
  update_earliest();
  asleep_.store(false, std::memory_order_relaxed);
}

}  // namespace async::detail
