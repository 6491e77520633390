// When the work arrives that no callback has posted: ready fds, timers, posts by other threads.
//
// In an *open* replay each arrival comes at its recorded time, however fast the program is. In a
// *closed* one it comes as long after earlier work as it did in the trace: after the last run of
// the same object, or of what the last arrival for that object led to, if there was one; or else
// when as many runs are over as were over then (so a timer comes as often for each callback as in
// the trace, rather than in each second). So whoever waits for an answer before asking again asks
// sooner if answered sooner, and no more is outstanding than was in the trace.
//
// Readiness has no time of its own in a trace, only the look that found it. It came since the look
// before, and is taken to have come right then. So a program that is never idle is taken to be
// asked without delay: with more CPUs, throughput is what they can do, an upper bound.
//
// Thread-safety: values.
#pragma once

#include <vector>

#include "costs.h"
#include "trace_file.h"

namespace advisor {

enum class arrival_model { open, closed };

// Comes `delay` after the run `after` is over; if that is `none`, after as many runs as `count`
// are; or if that is 0, after the beginning.
struct arrival {
  index run = none;
  index after = none;
  index count = 0;
  ns delay = 0;
};

// In the order in which they came.
std::vector<arrival> find_arrivals(const trace& t, arrival_model model, const trace_costs& costs);

}  // namespace advisor
