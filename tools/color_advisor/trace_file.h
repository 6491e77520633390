// The file of a trace (docs/trace.md tells its format), read into memory: 80 bytes for each run of
// a callback, and 24 for each sleep and look at readiness.
//
// Thread-safety: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <stdexcept>
#include <string>
#include <vector>

namespace advisor {

// In ns since the trace began, or the length of a time.
using ns = std::int64_t;

using index = std::uint32_t;
inline constexpr index none = ~index{0};

// One run of one callback. `site`, `color` and `by` are indices into the trace.
struct run {
  ns begin = 0;
  ns end = 0;
  ns post = 0;               // when it was posted; its beginning, if that is not known
  ns cpu = 0;                // of end - begin, how long it computed
  ns blocked = 0;            // and how long it slept; the rest it was kept from running
  std::uint64_t object = 0;  // to which it is bound; 0: not known
  index site = 0;
  index color = 0;
  index by = none;  // the run that posted it
  std::uint16_t cpu_number = 0;
  bool posted = false;       // the post is known
  bool from_thread = false;  // a thread that is no CPU posted it
  bool is_step = false;      // goes on with the callback of the run before

  // For how long its CPU is taken.
  ns length() const noexcept { return cpu + blocked; }
};

struct site {
  std::string file;
  std::uint32_t line = 0;
  std::string function;
  std::string name() const;  // file.cc:17
};

// A CPU looked at readiness, or slept until something was ready.
struct idle {
  ns begin = 0;
  ns end = 0;
  index found = 0;     // callbacks that it posted
  bool slept = false;  // or would have, had nothing been ready
};

struct trace {
  std::vector<run> runs;  // in the order of their beginnings
  std::vector<site> sites;
  std::vector<std::string> colors;
  std::vector<idle> idles;  // in the order of their beginnings
  unsigned cpus = 0;        // that have run something
  ns window_begin = 0;
  ns window_end = 0;
  std::uint64_t dropped = 0;
  std::uint64_t unfinished = 0;  // callbacks that ran when it ended; not among the runs

  ns window() const noexcept { return window_end - window_begin; }
  ns preempted() const noexcept;  // all callbacks together
};

// What is no trace, or damaged; what() says where and why.
struct bad_trace : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// How much is taken in at most: of more, the first so many runs, and so many sleeps, count.
inline constexpr std::size_t most_runs = 4'000'000;

// Throws bad_trace.
trace read_trace(std::istream& in);
// Throws bad_trace, and std::system_error if the file can't be read.
trace read_trace_file(const std::string& name);

}  // namespace advisor
