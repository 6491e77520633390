// How much CPU time processes have had, and how long they have waited for a CPU: from the kernel's
// /proc/PID/task/*/schedstat. Serves no stage.
//
// Thread safety: any thread.
// Invariant: both only grow while the process and its threads live.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sfs {

struct cpu_usage {
  double cpu_s = 0;    // ran
  double delay_s = 0;  // was runnable, but another process was running
};

// Whether this is the number of a process that is there.
bool is_process(const std::string& pid);

// Of all these processes together; a process that cannot be looked at counts nothing.
cpu_usage usage_of(const std::vector<std::string>& pids);

}  // namespace sfs
