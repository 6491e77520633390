// One trace, from trace_start() on: a lane for each CPU, and one that all other threads share.
//
// Serves stages 3 to 5, while they are traced.
//
// Which session is on is one number, its generation. A worker that is told of a change
// (observers.h) and sees another one than its own takes the session and its lane under a lock,
// once. Workers share the session's ownership, so that a new one can be begun while they still note
// in the old.
//
// Thread-safety: all functions by any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "mp/detail/color_state.h"
#include "mp/detail/task.h"
#include "mp/detail/trace_clock.h"
#include "mp/detail/trace_lane.h"
#include "wrap/detail/adaptive_mutex.h"

namespace async::detail {

class trace_session {
 public:
  // Each lane gets so many bytes.
  explicit trace_session(std::size_t bytes_per_lane);

  // A worker's lane, made at the first call. Throws std::bad_alloc.
  trace_lane& lane(unsigned cpu);

  // Posts as color.mail.push() does, by a thread that is no worker, and notes it.
  [[nodiscard]] bool push_from_outside(color_state& color, task* t) noexcept;

  struct named_lane {
    int cpu;  // or -1: the other threads
    const trace_lane* lane;
  };
  // In the order of CPUs, the other threads' last. They live as long as the session.
  std::vector<named_lane> lanes() const;

  const trace_instant& began() const noexcept { return began_; }
  std::uint64_t wall_clock() const noexcept { return wall_clock_; }  // when it began, in Unix ns

 private:
  const std::size_t records_;
  const trace_instant began_;
  const std::uint64_t wall_clock_;

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<trace_lane>> lanes_;  // by CPU; guarded by mutex_

  // Held while another thread posts: they take turns in writing their lane.
  adaptive_mutex outside_mutex_;
  std::unique_ptr<trace_lane> outside_lane_;   // guarded by outside_mutex_
  std::atomic<trace_lane*> outside_{nullptr};  // the same; written under outside_mutex_, once
};

// The generation of the session that is on, or 0. Written under a lock; what goes with it is read
// under that, so that relaxed loads will do.
extern constinit std::atomic<unsigned> trace_generation;

// The session with the generation that is returned; null and 0 if none is on.
struct trace_in_progress {
  std::shared_ptr<trace_session> session;
  unsigned generation = 0;
};
trace_in_progress current_trace();

// The session that is on or was last; null before the first.
std::shared_ptr<trace_session> last_trace();

// For a thread that is no worker, while trace_generation is not 0: color.mail.push(t).
bool traced_push(color_state& color, task* t) noexcept;

// The workers have left: writes the file of the environment's ASYNC_TRACE, if there is one.
void runtime_finished() noexcept;

}  // namespace async::detail
