// The timers of one loop: see timer_queue.h. Serves stages 1 and 2.
#include "async/detail/timer_queue.h"

namespace async::detail {

ref<timer> timer_queue::add(stamp at, callback<void>::ref cb) {
  ref<timer> t = make_ref<timer>(std::move(cb));
  t->retain_first(2);
  auto heaps_share = handle_access::take<ref<timer>>(t.get());
  happens_before(t.get());
  const std::lock_guard lock(mutex_);
  heap_.push(at, t.get());
  handle_access::detach(heaps_share);
  if (at < earliest()) {
    update_earliest();
    if (at < alarm_at_ && asleep_.load(std::memory_order_relaxed)) {
      alarm_at_ = at;
      alarm_->set(at);
    }
  }
  return t;
}

// What is bound to the callback may set or remove timers when it is destroyed: so that is done
// without the lock, which is gone before `taken`.
void timer_queue::remove(timer& t) noexcept {
  t.prefetch_callback();
  callback<void>::ptr taken;
  color its_color;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(t.waiting, false)) {
      taken = t.take_callback();
    } else {
      taken = t.take_callback_of_waiting();
      its_color = t.take_color();
      if (heap_.note_removed(&t)) update_earliest();
    }
  }
  if (taken) happens_after(&t);
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
  for (std::size_t n = 0; n < batch && heap_.earliest() <= now; ++n) {
    timer* const t = heap_.pop();
    t->waiting = false;
    ready.push_back(*t);
  }
  update_earliest();
}

void timer_queue::forget() noexcept {
  heap_.for_each(
      [](timer& t, stamp) { t.waiting = false; });  // lest it is looked for in the new heap
  lost_.push_back(std::exchange(heap_, {}));
  alarm_at_ = never;
  rang_ = false;
  update_earliest();
  asleep_.store(false, std::memory_order_relaxed);
}

}  // namespace async::detail
