// The events of a trace's JSON, one after the other, as they are read; nothing is kept of them.
//
// Thread-safety: none.
#pragma once

#include <cstdint>
#include <istream>
#include <string>

#include "trace_file.h"

namespace advisor {

// The members that matter, of an event and of its `args`; numbers are negative, and texts empty,
// where they are missing. All times in ns.
struct event {
  std::string ph, name, cat;
  std::int64_t pid = -1, tid = -1, id = -1;
  ns ts = -1, dur = -1;
  struct {
    std::int64_t run = -1, site = -1, by = -1;
    ns post = -1, cpu = -1, blocked = -1;
    std::string color, object, name;
    bool is_step = false;
  } args;
};

struct summary {
  std::int64_t format = -1, dropped = 0, runs = -1;
  ns window_begin = -1, window_end = -1;
};

class event_reader {
 public:
  virtual ~event_reader() = default;
  virtual void take(const event& e) = 0;
  virtual void take(site s) = 0;
  virtual void take(const summary& s) = 0;
};

// Throws bad_trace for what is no JSON, or has texts or depths that no trace has.
void read_events(std::istream& in, event_reader& reader);

}  // namespace advisor
