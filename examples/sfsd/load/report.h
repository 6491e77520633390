// What a run of the load generator found, and how it is printed: one line of JSON. Serves no stage.
//
// Thread safety: pure functions.
#pragma once

#include <string>

#include "examples/sfsd/load/connection.h"
#include "examples/sfsd/load/usage.h"

namespace sfs {

struct load_report {
  std::string suite, load;
  unsigned connections = 0;
  load_options options;
  double seconds = 0, client_cpu_s = 0;
  cpu_usage server;
};

// Sorts the latencies.
void print_report(const load_report& r, load_totals& totals);

}  // namespace sfs
