// What a trace's rings hold, put together: the runs of callbacks in the order of time, each with
// the post that it came from (docs/trace.md tells how).
//
// Serves no stage: it reads what stages 3 to 5 have noted.
//
// The window. Rings are filled at different rates, so their oldest records are of different times.
// A picture begins where the last of them begins, and ends when it was taken: in between, nothing
// is missing. So a post and a run belong together if the run is the next thing that happens to the
// task's address; no number has to be kept with each task.
//
// Thread-safety: a picture may be taken by any thread while the trace goes on; then it is a value.
#pragma once

#include <cstdint>
#include <vector>

#include "mp/detail/trace_ring.h"
#include "mp/detail/trace_session.h"

namespace async::detail {

// A lane's index among the picture's lanes, and the number of a run, from 1; 0 stands for none.
using trace_run_id = std::uint64_t;

// All times are ns since the trace began, of CLOCK_MONOTONIC.
struct trace_post {
  std::uint64_t time = 0;
  unsigned lane = 0;
  trace_run_id by = 0;         // the run of the callback that posted it
  bool made_runnable = false;  // its color was idle
  std::uint64_t color = 0;
  where site{};
};

struct trace_run {
  trace_run_id id = 0;
  unsigned lane = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  // not yet known when it begins, as is `off_cpu`
  std::uint64_t color = 0;
  std::uint64_t object = 0;  // the address that it is bound to, or 0
  where site{};
  bool new_turn = false;  // the first of its worker's turn
  bool is_step = false;   // goes on with the callback of the run before, which counts as its poster

  bool posted = false;  // whether `post` is known, and what follows
  trace_post post{};
  // What passed since the post while other callbacks of the color ran; and the rest: for a CPU.
  std::uint64_t waited_for_color = 0;
  std::uint64_t waited_for_cpu = 0;

  // Of end - begin: not spent on the CPU, as far as it was noticed; and whether the thread had gone
  // to sleep by itself in that time, or was always taken off the CPU.
  std::uint64_t off_cpu = 0;
  bool blocked = false;
};

// What read() tells, each lane's in the order of time. A run's end comes after its beginning, and
// its beginning after the end of the run whose callback it is posted by, or within that.
class trace_reader {
 public:
  virtual ~trace_reader() = default;
  virtual void began(const trace_run& run) = 0;
  virtual void ended(const trace_run& run) = 0;
  // A worker slept, or polled (then `slept` is false).
  virtual void was_idle(unsigned lane, std::uint64_t begin, std::uint64_t end, bool slept) = 0;
  // At the end of all: a run that was still going on at the end of the window, and a post whose
  // callback had not begun, or never did.
  virtual void unfinished(const trace_run& run) = 0;
  virtual void not_run(const trace_post& post) = 0;
};

class trace_picture {
 public:
  // Throws std::bad_alloc.
  explicit trace_picture(const trace_session& session);

  // May be called again, and tells the same then.
  void read(trace_reader& reader) const;

  // The CPU of each lane, or -1 for the lane of all other threads.
  const std::vector<int>& cpus() const noexcept { return cpus_; }
  // The window.
  std::uint64_t begin() const noexcept { return in_ns(window_begin_); }
  std::uint64_t end() const noexcept { return in_ns(window_end_); }
  std::uint64_t records() const noexcept;
  // How many older records were overwritten, or are from before the window.
  std::uint64_t dropped() const noexcept { return dropped_; }
  std::uint64_t wall_clock() const noexcept { return wall_clock_; }  // at time 0, in Unix ns

 private:
  std::uint64_t in_ns(std::uint64_t ticks) const noexcept {
    return static_cast<std::uint64_t>(static_cast<double>(ticks) * ns_per_tick_);
  }
  void cut();
  void find_off_cpu(std::vector<trace_record>& records) const;

  std::vector<int> cpus_;
  std::vector<std::vector<trace_record>> lanes_;
  std::vector<std::uint64_t> overwritten_;  // of each lane
  double ns_per_tick_ = 1;
  std::uint64_t window_begin_ = 0;  // in ticks, as is the next
  std::uint64_t window_end_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t wall_clock_ = 0;
};

}  // namespace async::detail
