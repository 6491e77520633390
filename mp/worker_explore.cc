// The worker in an exploration: all runnable colors are in one list, and something else than their
// age decides which is next (chooser.h). A turn is one callback.
#include <algorithm>

#include "mp/detail/chooser.h"
#include "mp/detail/worker.h"

namespace async::detail {

void worker::explore() noexcept {
  gather();
  while (color_state* const color = next_chosen()) {
    running = color;
    execute(*color, color->mail.pop());
    ++ran_;
    running = nullptr;
    const bool more = color->mail.has_more() || !color->relinquish();
    gather();
    if (more) runnable_.push_back(color);
  }
  // Destroyed with the others.
  for (color_state* const color : runnable_) enqueue(color);
  runnable_.clear();
}

color_state* worker::next_chosen() noexcept {
  for (;;) {
    if (!stopping()) poll_all();
    gather();
    if (stopping()) return nullptr;
    if (!runnable_.empty()) break;
    if (!queue_.order->idle(scheduler_.waiter())) stop();
  }
  // A reaper does nothing that a program could see, and would only make schedules longer.
  auto next = std::find_if(runnable_.begin(), runnable_.end(),
                           [](color_state* color) { return is_reaper(*color->mail.front()); });
  if (next == runnable_.end()) {
    // Those that are passed over go to the back: a deviation delays them by a round.
    const std::size_t passed = queue_.order->choose(runnable_.data(), runnable_.size());
    std::rotate(runnable_.begin(), runnable_.begin() + static_cast<std::ptrdiff_t>(passed),
                runnable_.end());
    next = runnable_.begin();
  }
  color_state* const color = *next;
  runnable_.erase(next);
  return color;
}

// What the last callback, and other threads, have made runnable.
void worker::gather() noexcept {
  publish_slot();
  while (color_state* const color = next_own()) runnable_.push_back(color);
  color_state* color;
  while (queue_.posted.take(&color, 1) != 0) runnable_.push_back(color);
}

void worker::poll_all() noexcept {
  if (!scheduler_.try_lead()) return;  // there is no waiter
  begin_poll();
  {
    const observed waiter;
    scheduler_.waiter()->poll();
  }
  finish_poll();
  scheduler_.stop_leading();
}

}  // namespace async::detail
