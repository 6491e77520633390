// One measurement, from metrics_start() on: the rows of each CPU, and whose they are.
//
// Serves stages 3 to 5, while they are measured.
//
// A worker that is told of a change (observers.h) takes the session that is on, and shares its
// ownership, so that a new one can be begun while it still measures in the old.
//
// Thread-safety: all by any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "mp/detail/metrics_lane.h"
#include "mp/detail/metrics_table.h"
#include "mp/metrics.h"

namespace async::detail {

class metrics_session {
 public:
  explicit metrics_session(const metrics_options& options, double ns_per_tick);

  // A worker's lane, made at the first call. Throws std::bad_alloc.
  metrics_lane& lane(unsigned cpu);

  // The sum over all CPUs.
  metrics_snapshot read() const;

 private:
  const double ns_per_tick_;
  site_rows sites_;
  color_rows colors_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<metrics_lane>> lanes_;  // by CPU; guarded by mutex_
};

// The session that is on, or null.
std::shared_ptr<metrics_session> current_metrics();

// A thread that is no worker is about to post.
void measure_post_from_outside(const color_state& color, const task* t) noexcept;

// Whether other threads note their posts. What was noted before is forgotten.
void note_posts(bool on) noexcept;
// While no task is pending: what was noted of tasks that were destroyed unrun is forgotten.
void forget_posts() noexcept;

// The workers have left: writes the file of the environment's ASYNC_METRICS, if there is one.
void measured_runtime_finished() noexcept;
void write_metrics_of_environment() noexcept;

// metrics_text.cc
std::string text_of(const metrics_snapshot& snapshot);

}  // namespace async::detail
