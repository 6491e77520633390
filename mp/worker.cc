// The busy worker: posting to the queue, and running turns. Its idle half is in worker_idle.cc.
#include "mp/detail/worker.h"

#include "mp/color.h"
#include "mp/detail/fork.h"
#include "wrap/detail/misuse.h"

namespace async {
namespace detail {

namespace {

constinit thread_local worker* current = nullptr;

}  // namespace

void submit_elsewhere(color_state* color, task* t) noexcept {
  if (color->mail.push(t)) submit_runnable(color);
}

void submit_runnable(color_state* color) noexcept {
  if (current != nullptr) {
    current->made_runnable(color);
    return;
  }
#if defined(ASYNC_UNIPROCESSOR)
  if (queue().running.load()) {
    misuse(where::current(), "post: a uniprocessor build takes posts from its one worker only");
  }
#endif
  queue().posted.push(color);
  queue().parking.work_published();
}

void forget_runtime() {
  current = nullptr;
  running = nullptr;
}

void worker::work() {
  current = this;
  const std::uint64_t reapers_before = reapers_run;
  color_state* last = nullptr;
  while (color_state* const color = next(last)) last = run_turn(color);
  publish_slot();
  ran_ -= reapers_run - reapers_before;
  current = nullptr;
}

// The color to run after the turn which left `last`, or nothing. Null when the scheduler stops.
color_state* worker::next(color_state* last) noexcept {
  if (stopping()) {
    if (last != nullptr) enqueue(last);
    return nullptr;
  }
  ++turns_;
  poll_if_due();
  if (turns_ % shared_interval == 0) {
    color_state* colors[largest_share];
    const std::size_t count = queue_.posted.take(colors, largest_share, sharers_);
    for (std::size_t i = 0; i < count; ++i) enqueue(colors[i]);
  }
  if (last != nullptr) {
    if (!has_work()) return last;  // it would be the next one
    // No wake-up: there was one when it became runnable, and putting it back adds nothing.
    enqueue(last);
  }
  color_state* const color = next_own();
  return color != nullptr ? color : wait_for_work();
}

color_state* worker::next_own() noexcept {
  if (color_state* const color = segment_.pop()) return color;
  if (overflow_.empty()) return nullptr;
  color_state* colors[segment_capacity / 2];
  return enqueue_all_but_first(colors, overflow_.take(colors, std::size(colors)));
}

// The first is for now, the others wait in the segment, which is empty.
color_state* worker::enqueue_all_but_first(color_state** colors, std::size_t count) noexcept {
  if (count == 0) return nullptr;
  for (std::size_t i = 1; i < count; ++i) {
    if (!segment_.push(colors[i])) overflow_.push(colors[i]);
  }
  return colors[0];
}

// FIFO: what is in the overflow is younger than what is in the segment.
void worker::enqueue(color_state* color) noexcept {
  if (!overflow_.empty() || !segment_.push(color)) overflow_.push(color);
}

void worker::made_runnable(color_state* color) noexcept {
  if (polling_) {
    enqueue(color);  // finish_poll() decides whether anybody is woken for it
    return;
  }
  publish_slot();
  slot_ = color;
}

void worker::publish_slot() noexcept {
  if (slot_ == nullptr) return;
  enqueue(std::exchange(slot_, nullptr));
  if (sharers_ > 1) queue_.parking.work_published();  // else it is this worker that must see it
}

// One turn: up to turn_length callbacks of `color`, and of colors that they make runnable and that
// go through the slot. Returns the color that is to go to the tail, or null.
color_state* worker::run_turn(color_state* color) noexcept {
  budget_ = turn_length;
  for (;;) {
    running = color;
    run_callbacks(*color);
    running = nullptr;
    if (color->mail.has_more() || !color->relinquish()) {
      if (budget_ != 0 && !stopping()) continue;
      publish_slot();  // what waits there became runnable before this turn ended
      break;
    }
    color = std::exchange(slot_, nullptr);
    if (color == nullptr || budget_ == 0) break;
  }
  ran_ += turn_length - budget_;
  return color;
}

inline void worker::execute(color_state& color, task* t) noexcept {
  task_size size;
  try {
    size = t->act(t, action::run);
  } catch (...) {
    size = t->act(t, action::measure);
    scheduler_.handle_exception(t->site);
  }
  if (color.mail.may_free(t)) {
    task::free(t, size);
  } else {
    t->spend(size);
  }
}

void worker::run_callbacks(color_state& color) noexcept {
  while (task* const t = color.mail.pop()) {
    if (slot_ != nullptr) publish_slot();
    execute(color, t);
    if (--budget_ == 0 || stopping()) return;
  }
}

color_state* worker::take_leftover() noexcept { return next_own(); }

void worker::poll_if_due() noexcept {
  if (!has_waiter_) return;
  if (turns_ - turns_at_poll_ < poll_interval && ran_ - ran_at_poll_ < 4 * poll_interval) return;
  turns_at_poll_ = turns_;
  ran_at_poll_ = ran_;
  if (!scheduler_.try_lead()) return;
  polling_ = true;
  scheduler_.waiter()->poll();
  polling_ = false;
  scheduler_.stop_leading();
  finish_poll();
}

// One worker runs what a poll brought, unless it is much: waking another one costs more than
// running a few small callbacks. So that nothing is stuck behind a long one, a sleeping worker
// watches.
void worker::finish_poll() noexcept {
  const std::size_t backlog = segment_.size();
  if (backlog >= backlog_worth_waking || (backlog > 1 && !queue_.parking.watched())) {
    queue_.parking.work_published();
  }
}

}  // namespace detail

void publish() noexcept {
  if (detail::current != nullptr) detail::current->publish_slot();
}

bool on_worker() noexcept { return detail::running_color() != nullptr; }

}  // namespace async
