// What a trace says of each call site: its time, its colors, and what it is bound to.
//
// Thread-safety: values.
#pragma once

#include <cstdint>
#include <vector>

#include "replay.h"
#include "trace_file.h"

namespace advisor {

struct share {
  index of = none;  // a site or a color
  ns cpu = 0;
};

struct site_figures {
  index site = none;
  std::uint64_t runs = 0;
  ns cpu = 0;
  ns blocked = 0;
  std::vector<share> colors;     // under which it ran, the largest first
  std::uint64_t bound_runs = 0;  // whose object is known
  std::uint64_t objects = 0;     // how many different ones
  // Whether each object has a color of its own already.
  bool is_colored_by_object = false;

  // Whether it could be colored by object, and that were something else.
  bool has_candidate() const noexcept {
    return objects > 1 && 2 * bound_runs > runs && !is_colored_by_object;
  }
};

struct color_figures {
  index color = none;
  std::uint64_t runs = 0;
  ns cpu = 0;
  std::vector<share> sites;  // whose callbacks ran under it, the largest first
};

struct figures {
  std::vector<site_figures> sites;    // that ran, by CPU time
  std::vector<color_figures> colors;  // by number
  ns cpu = 0;
  ns blocked = 0;
  // The longest chain of callbacks of which each is posted by, or waits for, the one before: the
  // time that they take, without what passes between them outside of the program.
  ns critical_path = 0;
};

figures find_figures(const trace& t, const std::vector<arrival>& arrivals);

// The colors of the trace.
coloring recorded_coloring(const trace& t);
// The same, but that callbacks of these sites have their object's color, where it is known.
coloring colored_by_object(const trace& t, const std::vector<index>& sites);
// One color for each of so many copies of the program. What comes from outside goes, with all that
// it leads to, to the copy that its object was dealt to, in turn; to the first if it has none.
coloring dealt_out(const trace& t, unsigned copies);

}  // namespace advisor
