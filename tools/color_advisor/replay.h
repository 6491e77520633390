// Replays a trace on virtual CPUs: the library's scheduler itself, in virtual time, runs callbacks
// that compute for as long, and post as much after the same time, as those in the trace.
//
// Thread-safety: none; one replay at a time.
#pragma once

#include <vector>

#include "arrivals.h"
#include "costs.h"
#include "trace_file.h"

namespace advisor {

// Which color each run has, as a number below `count`.
struct coloring {
  std::vector<index> of_run;
  index count = 0;
};

struct outcome {
  ns length = 0;  // from the beginning to the end of the last callback
  // What it would be if all were as its middle: without the first and last twentieth of the work,
  // in which clients come and go. The same as `length` for a trace of fewer than 1,000 runs.
  ns steady_length = 0;
  std::vector<ns> busy;     // of each color
  ns waited = 0;            // all callbacks together, from post to beginning
  std::uint64_t moved = 0;  // callbacks that ran on another CPU than their poster
};

class replay {
 public:
  // `t` must outlive it.
  replay(const trace& t, std::vector<arrival> arrivals, const machine_costs& machine,
         const trace_costs& traced);

  outcome run_on(unsigned cpus, const coloring& colors) const;

  const trace& recorded() const noexcept { return trace_; }

 private:
  friend class playing;

  const trace& trace_;
  const std::vector<arrival> arrivals_;
  const machine_costs machine_;
  const trace_costs traced_;
  // What each run posts, in order: children_[first_child_[i]] to children_[first_child_[i + 1]].
  std::vector<index> children_;
  std::vector<index> first_child_;
  // The arrivals that come after each run, likewise, as indices into arrivals_.
  std::vector<index> followers_;
  std::vector<index> first_follower_;
  std::vector<index> counted_;  // those that come after a number of runs, by that number
};

}  // namespace advisor
