// The busy worker: posting to the queue, and running turns. Its idle half is in worker_idle.cc.
#include "mp/detail/worker.h"

#include "mp/color.h"
#include "mp/detail/fibers.h"
#include "mp/detail/fork.h"
#include "mp/trace.h"
#include "wrap/detail/misuse.h"

namespace async {
namespace detail {

constinit thread_local worker* current = nullptr;

inline void worker::made_runnable(color_state* color) noexcept {
  if (polling_) {
    enqueue(color);  // wake_for_backlog() decides whether anybody is woken for it
    return;
  }
  if (slot_ != nullptr) publish_slot();
  slot_ = color;
}

// Posts that a poll brought are counted, and a traced worker's are noted.
void worker::submit_with_note(color_state* color, task* t) noexcept {
  if (polling_) ++polled_;
  color_state* const own = running;
  const cpu_status::in_queue code(own != nullptr ? status_ : nullptr);
  const bool noted = is_traced();
  if (noted) lane_->post(t, *color);
  if (measured_ != nullptr) measured_->post(t, *color);
  if (color == own) {
    took_over_ |= color->mail.push_own(t);
  } else if (color->mail.push(t)) {
    if (noted) lane_->made_runnable();
    made_runnable(color);
  }
}

void submit_elsewhere(color_state* color, task* t) noexcept {
  if (current != nullptr) {
    current->submit(color, t);
    // relaxed: what goes with it is read under a lock.
  } else if (observation.load(std::memory_order_relaxed) != 0 ? observed_push(*color, t)
                                                              : color->mail.push(t)) {
    submit_runnable(color);
  }
}

void note_taking_over() noexcept {
  if (current != nullptr) current->note_taking_over();
}

void submit_runnable(color_state* color) noexcept {
  if (current != nullptr) return current->submit_runnable(color);
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
  posting_to_itself = nullptr;
}

void worker::work() {
  const worker_context context;
  current = this;
  const std::uint64_t reapers_before = reapers_run;
  color_state* last = nullptr;
  if (queue_.order != nullptr) explore();
  while (color_state* const color = next(last)) {
    last = is_observed() ? run_turn<true>(color) : run_turn<false>(color);
  }
  publish_slot();
  leave_observers();
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

// A share of what other threads have posted: the oldest is returned, the others join the segment.
color_state* worker::take_posted() noexcept {
  color_state* colors[largest_share];
  return enqueue_all_but_first(colors, queue_.posted.take(colors, largest_share, sharers_));
}

color_state* worker::next_at_hand() noexcept {
  color_state* const color = next_own();
  return color != nullptr ? color : take_posted();
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

void worker::publish_slot() noexcept {
  if (slot_ == nullptr) return;
  enqueue(std::exchange(slot_, nullptr));
  if (sharers_ > 1) queue_.parking.work_published();  // else it is this worker that must see it
}

// Returns what is left of the budget.
inline unsigned worker::run_callbacks(color_state& color, unsigned budget) noexcept {
  while (task* const t = color.mail.pop()) {
    if (slot_ != nullptr) [[unlikely]]
      publish_slot();
    execute(color, t);
    if (--budget == 0 || stopping()) break;
  }
  return budget;
}

// As run_callbacks(). `posting_to_itself` is null: what the callbacks post is noted.
//
// The clock is dear, so one reading serves as the end of a callback and the beginning of the next
// where that is certain to have been posted before: where it was at hand already, and is no other
// CPU's that was taken over during the callback; or comes from the slot, posted by the callback.
unsigned worker::run_observed_callbacks(color_state& color, unsigned budget,
                                        bool from_slot) noexcept {
  task* t = color.mail.pop();
  if (t == nullptr) return budget;
  if (lane_ != nullptr && (!from_slot || took_over_)) lane_->open_turn();
  if (measured_ != nullptr) measured_->open(color, trace_lane::name_of(color));
  bool new_turn = budget == turn_length;
  for (;;) {
    if (slot_ != nullptr) publish_slot();
    took_over_ = false;
    if (lane_ != nullptr) lane_->begin(t, color, std::exchange(new_turn, false));
    if (measured_ != nullptr) measured_->begin(t);
    if (status_ != nullptr) status_->begin(&color, t);
    const std::uint64_t reapers_before = reapers_run;
    execute(color, t);
    if (status_ != nullptr) status_->end();
    const bool at_hand = color.mail.has_at_hand();
    if (lane_ != nullptr) lane_->end(reapers_run == reapers_before);
    if (measured_ != nullptr) measured_->end(reapers_run == reapers_before);
    if (--budget == 0 || stopping()) break;
    t = color.mail.pop();
    if (t == nullptr) break;
    if (lane_ != nullptr && (!at_hand || took_over_)) lane_->mark();
  }
  if (measured_ != nullptr) measured_->close(color);
  return budget;
}

// One turn: up to turn_length callbacks of `color`, and of colors that they make runnable and that
// go through the slot. Returns the color that is to go to the tail, or null.
template <bool is_observed>
color_state* worker::run_turn(color_state* color) noexcept {
  unsigned budget = turn_length;
  bool from_slot = false;
  for (;;) {
    running = color;
    if constexpr (is_observed) {
      budget = run_observed_callbacks(*color, budget, from_slot);
    } else {
      posting_to_itself = color;
      budget = run_callbacks(*color, budget);
      posting_to_itself = nullptr;
    }
    running = nullptr;
    if (color->mail.has_more() || !color->relinquish()) {
      from_slot = false;
      if (budget != 0 && !stopping()) continue;
      publish_slot();  // what waits there became runnable before this turn ended
      break;
    }
    color = std::exchange(slot_, nullptr);
    from_slot = true;
    if (color == nullptr || budget == 0) break;
  }
  ran_ += turn_length - budget;
  return color;
}

color_state* worker::take_leftover() noexcept { return next_own(); }

void worker::poll_if_due() noexcept {
  if (!has_waiter_) return;
  const std::uint64_t ran = ran_ - ran_at_poll_;
  if (turns_ - turns_at_poll_ < poll_interval && ran < 4 * poll_interval) return;
  // What the last poll has brought comes first: most of it would be found ready once more.
  if (ran < polled_) return;
  if (!scheduler_.try_lead()) return;
  note(trace_kind::poll);
  begin_poll();
  {
    const observed waiter;
    scheduler_.waiter()->poll();
  }
  finish_poll();
  note(trace_kind::polled);
  scheduler_.stop_leading();
  wake_for_backlog();
  leave_watch_behind();
}

void worker::begin_poll() noexcept {
  polling_ = true;
  update_notes_posts();
  polled_ = 0;
}

void worker::finish_poll() noexcept {
  polling_ = false;
  update_notes_posts();
  turns_at_poll_ = turns_;
  ran_at_poll_ = ran_;
}

// One worker runs what a poll brought, unless it is much: waking another one costs more than
// running a few small callbacks.
void worker::wake_for_backlog() noexcept {
  if (segment_.size() >= backlog_worth_waking) queue_.parking.work_published();
}

}  // namespace detail

void publish() noexcept {
  const detail::unobserved queue;
  if (detail::current != nullptr) detail::current->publish();
}

void trace_step(const void* object, where site) noexcept {
  const detail::unobserved queue;
  if (detail::current != nullptr) detail::current->trace_step(object, site);
}

bool on_worker() noexcept { return detail::running_color() != nullptr; }

}  // namespace async
