// A worker: the thread that is one CPU of the runtime. It takes a runnable color from the queue
// (stage 4), runs up to turn_length of its callbacks in order (stage 5), and puts it back if more
// are left.
//
// The queue has a segment for each worker (a ring, and an overflow for when it is full) and a part
// that all share, which other threads fill. A worker takes from its own segment; every few turns it
// moves a share of the shared part to it; when it has nothing it searches the others' segments.
//
// The *slot* holds the color that the running callback made runnable last. It is run next, within
// the same turn, while its data is in the cache; it is published (put into the segment) when
// another one comes, or the turn goes on to another callback.
//
// Thread-safety: the members that say so may be called by any thread; all else is the worker's own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "mp/detail/color_queue.h"
#include "mp/detail/color_state.h"
#include "mp/detail/cpu_status.h"
#include "mp/detail/fibers.h"
#include "mp/detail/metrics_session.h"
#include "mp/detail/observers.h"
#include "mp/detail/ring.h"
#include "mp/detail/scheduler.h"
#include "mp/detail/sync.h"
#include "mp/detail/trace_session.h"

namespace async::detail {

class alignas(64) worker {
 public:
  worker(scheduler& scheduler, unsigned index)
      : scheduler_(scheduler),
        index_(index),
        sharers_(scheduler.cpus()),
        has_waiter_(scheduler.waiter() != nullptr),
        sightings_(scheduler.cpus()) {}

  // Runs callbacks until the scheduler stops.
  void work();

  // A callback of this worker posts `t` to another color.
  void submit(color_state* color, task* t) noexcept {
    if (notes_posts_) [[unlikely]]
      return submit_with_note(color, t);
    if (color->mail.push(t)) made_runnable(color);
  }

  // A color that a callback of this worker owns, and that has work, goes to the queue.
  void made_runnable(color_state* color) noexcept;

  // The same two, by a callback, or by what it calls.
  void submit_runnable(color_state* color) noexcept {
    note_taking_over();  // it may be somebody else's post that it is runnable by
    const cpu_status::in_queue code(status_in_callback());
    made_runnable(color);
  }
  void publish() noexcept {
    const cpu_status::in_queue code(status_in_callback());
    publish_slot();
  }

  // What the running callback does from now on is noted as a run of its own, if it is traced.
  void trace_step(const void* object, where site) noexcept {
    if (is_traced() && running_color() != nullptr) lane_->step(*running_color(), object, site);
  }

  // What the color that runs next has at hand may have been posted by another CPU just now.
  void note_taking_over() noexcept { took_over_ = true; }

  // The slot's color may be run by others now.
  void publish_slot() noexcept;

  // After work() has returned: gives back a color that is still in the segment, or null.
  color_state* take_leftover() noexcept;
  std::uint64_t ran() const noexcept { return ran_; }

  // Any thread: whether others could take something here.
  bool has_work() const noexcept { return segment_.size() != 0 || !overflow_.empty(); }
  // Any thread: takes some of what others could take, oldest first. Returns how many.
  std::size_t take(color_state** colors, std::size_t most) noexcept;
  const cpu_status& status() const noexcept { return watched_; }
  // Any thread, as long as the worker exists and the watchdog is on: as cpu_status::hold(). Calls
  // read(color, site, object, slot); the last is the color that the callback has made runnable last
  // and that waits for it to end, or null.
  template <class F>
  bool hold(F read) noexcept {
    return watched_.hold([&](color_state* color, where site, const void* object) {
      read(color, site, object, static_cast<const color_state*>(slot_));
    });
  }
  // The watching worker: whether there is work here that has not moved since the last call.
  bool is_stuck() noexcept;

 private:
  static constexpr std::size_t segment_capacity = 256;
  static constexpr std::size_t largest_share = 32;
  static constexpr unsigned shared_interval = 16;
  // So many events of one poll are worth a second CPU's wake-up.
  static constexpr std::size_t backlog_worth_waking = 8;

  using clock = sync::clock;

  color_state* next(color_state* last) noexcept;
  color_state* next_own() noexcept;
  // worker_explore.cc: work(), in an exploration.
  void explore() noexcept;
  color_state* next_chosen() noexcept;
  void gather() noexcept;
  void poll_all() noexcept;
  template <bool is_observed>
  color_state* run_turn(color_state* color) noexcept;
  unsigned run_callbacks(color_state& color, unsigned budget) noexcept;
  void execute(color_state& color, task* t) noexcept;

  // Traces, and what else looks on. The first three do nothing while there is none.
  bool is_observed() noexcept {
    // relaxed: what goes with it is read under a lock.
    const unsigned now = observation.load(std::memory_order_relaxed);
    return (now | observed_) != 0 && follow_observers(now);
  }
  // relaxed: another trace that has begun meanwhile is joined after this turn.
  bool is_traced() const noexcept {
    return lane_ != nullptr &&
           trace_generation.load(std::memory_order_relaxed) == traced_generation_;
  }
  void note(trace_kind kind) noexcept;
  void leave_observers() noexcept;
  bool follow_observers(unsigned now) noexcept;
  void follow_watchdog() noexcept;
  void leave_watchdog() noexcept;
  void follow_metrics() noexcept;
  cpu_status* status_in_callback() const noexcept {
    return running_color() != nullptr ? status_ : nullptr;
  }
  void follow_trace() noexcept;
  void leave_trace() noexcept;
  unsigned run_observed_callbacks(color_state& color, unsigned budget, bool from_slot) noexcept;

  void submit_with_note(color_state* color, task* t) noexcept;
  void update_notes_posts() noexcept { notes_posts_ = polling_ || observed_ != 0; }
  static block_size run_task(scheduler& scheduler, task* t) noexcept;
  // relaxed: a worker that sees the stop late runs a callback more.
  bool stopping() const noexcept { return queue_.stopping.load(std::memory_order_relaxed); }

  void enqueue(color_state* color) noexcept;
  color_state* enqueue_all_but_first(color_state** colors, std::size_t count) noexcept;

  color_state* take_posted() noexcept;
  color_state* next_at_hand() noexcept;

  void poll_if_due() noexcept;
  void begin_poll() noexcept;
  void finish_poll() noexcept;
  void wake_for_backlog() noexcept;

  // worker_idle.cc
  color_state* wait_for_work() noexcept;
  color_state* search() noexcept;
  color_state* steal_from(worker& victim, clock::time_point now) noexcept;
  bool sleep(bool searching) noexcept;
  void leave_watch_behind() noexcept;
  void learn(clock::duration slept) noexcept;

  scheduler& scheduler_;
  shared_queue& queue_ = queue();
  const unsigned index_;
  const unsigned sharers_;
  const bool has_waiter_;

  color_state* slot_ = nullptr;
  unsigned turns_ = 0;
  std::uint64_t ran_ = 0;
  std::uint64_t ran_at_poll_ = 0;
  unsigned turns_at_poll_ = 0;
  bool polling_ = false;
  bool notes_posts_ = false;  // polling_, or it is observed
  bool took_over_ = false;    // note_taking_over() since the last callback began, if it is traced
  std::uint64_t polled_ = 0;  // how many callbacks the last poll brought

  unsigned observed_ = 0;  // the `observation` that it follows
  // The session of that generation, in which this worker notes what it does; 0 and null if none.
  unsigned traced_generation_ = 0;
  trace_lane* lane_ = nullptr;  // of session_; null if there was no memory for it
  std::shared_ptr<trace_session> session_;
  cpu_status* status_ = nullptr;      // watched_, while the watchdog is on
  metrics_lane* measured_ = nullptr;  // of metrics_, while callbacks are measured
  std::shared_ptr<metrics_session> metrics_;

  // How long to search before sleeping; learnt.
  clock::duration search_time_{};
  // What a searcher remembers of each other worker's segment, by index (worker_idle.cc).
  struct sighting {
    std::uint64_t taken = 0;
    clock::time_point since{};
  };
  std::vector<sighting> sightings_;
  queue_parking::sleeper sleeper_;

  std::vector<color_state*> runnable_;  // in an exploration: all of them

  std::uint64_t watched_taken_ = 0;  // the watching worker's, of which there is one at a time

  // Any thread.
  cpu_status watched_;
  ring<sync, color_state, segment_capacity> segment_;
  color_queue overflow_;
};

// The worker that the calling thread is, or null.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local worker* current;

// What a thread that is no worker posts, while something is on: color.mail.push(t).
bool observed_push(color_state& color, task* t) noexcept;

// Runs the task's closure, and returns the task's size.
ASYNC_UNCHECKED inline block_size worker::run_task(scheduler& scheduler, task* t) noexcept {
  try {
    return t->act(t, action::run);
  } catch (...) {
    const block_size size = t->act(t, action::measure);
    scheduler.handle_exception(t->site);
    return size;
  }
}

inline void worker::execute(color_state& color, task* t) noexcept {
  color.mail.retire(t, run_checked<&worker::run_task>(color, scheduler_, t));
}

}  // namespace async::detail
