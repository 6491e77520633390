// The idle worker: searching the other workers' segments, and sleeping.
#include <algorithm>

#include "mp/detail/worker.h"

namespace async::detail {

namespace {

using namespace std::chrono_literals;

// What a wake-up costs: searching for longer than this never pays.
constexpr auto longest_search = 20us;
// Less than this is left to its owner: moving the colors' data costs more than the help brings.
constexpr auto worth_stealing = 1us;

}  // namespace

// Called with an empty segment and slot. Null when the scheduler stops.
color_state* worker::wait_for_work() noexcept {
  queue_parking& parking = queue_.parking;
  const auto has_work = [this] { return scheduler_.has_work(); };
  if (measured_ != nullptr) measured_->pause();
  // A lone worker with a waiter goes there at once: nothing comes sooner by searching for it.
  const bool may_search = sharers_ > 1 || !has_waiter_;
  bool searching = may_search && parking.try_search();
  for (;;) {
    const bool stop = stopping();
    color_state* color = nullptr;
    if (!stop) color = searching && may_search ? search() : next_at_hand();
    if (stop || color != nullptr) {
      if (searching) parking.found_work(has_work);
      leave_watch_behind();
      return color;
    }
    searching = sleep(searching);
    if (!searching) wake_for_backlog();  // the wait has brought something
  }
}

// When this worker turns to callbacks, that may take long, somebody has to look after readiness: a
// leader, or, if the others are asleep, one of them that watches (parking.h).
void worker::leave_watch_behind() noexcept {
  if (!has_waiter_ || sharers_ == 1) return;
  if (!queue_.parking.watched() && !scheduler_.led()) queue_.parking.work_published();
}

// Whether the worker is in the search afterwards; if not, there is work in its own segment.
bool worker::sleep(bool searching) noexcept {
  queue_parking& parking = queue_.parking;
  const auto has_work = [this] { return scheduler_.has_work(); };
  if (!scheduler_.try_lead()) {
    const auto start = clock::now();
    note(trace_kind::park);
    parking.park(sleeper_, searching, has_work, [this] { return scheduler_.needs_a_worker(); });
    note(trace_kind::wake);
    learn(clock::now() - start);
    return true;
  }
  note(trace_kind::park);
  begin_poll();
  searching = parking.lead(sleeper_, searching, has_work, [this] { return segment_.size() != 0; });
  finish_poll();
  note(trace_kind::wake);
  scheduler_.stop_leading();
  return searching;
}

// Searching pays if the next wake-up comes within the time that one costs.
void worker::learn(clock::duration slept) noexcept {
  search_time_ = slept < longest_search ? longest_search : search_time_ / 2;
}

color_state* worker::search() noexcept {
  const auto start = clock::now();
  auto now = start;
  bool seen = false;
  do {
    if (color_state* const color = next_at_hand()) return color;
    seen = false;
    for (std::size_t i = 1; i < sharers_; ++i) {
      worker& victim = *scheduler_.workers()[(index_ + i) % scheduler_.workers().size()];
      if (!victim.has_work()) continue;
      seen = true;
      if (color_state* const color = steal_from(victim, now)) return color;
    }
    for (int i = 0; i < 8; ++i) sync::relax();
    now = clock::now();
    // While there is something to look at, the rule of steal_from() ends this: it moves or it
    // doesn't.
  } while ((seen || now - start < search_time_) && !stopping());
  return nullptr;
}

// Takes the older half of what is there, if at the rate at which it moves it would last longer than
// worth_stealing, or does not move at all.
color_state* worker::steal_from(worker& victim, clock::time_point now) noexcept {
  sighting& seen = sightings_[victim.index_];
  const std::uint64_t taken = victim.segment_.taken();
  const auto elapsed = now - seen.since;
  if (elapsed > 10 * worth_stealing) {  // too long ago to tell a rate: look again
    seen = {taken, now};
    return nullptr;
  }
  if (elapsed < worth_stealing / 2) return nullptr;
  const auto moved = static_cast<std::int64_t>(taken - seen.taken);
  const auto left = static_cast<std::int64_t>(victim.segment_.size());
  seen = {taken, now};
  if (moved != 0 && elapsed * left / moved < worth_stealing) return nullptr;
  color_state* colors[largest_share];
  return enqueue_all_but_first(colors, victim.take(colors, largest_share));
}

std::size_t worker::take(color_state** colors, std::size_t most) noexcept {
  const std::size_t count = segment_.take(colors, most);
  return count != 0 ? count : overflow_.take(colors, most, 2);
}

bool worker::is_stuck() noexcept {
  const std::uint64_t taken = segment_.taken();
  return std::exchange(watched_taken_, taken) == taken && has_work();
}

}  // namespace async::detail
