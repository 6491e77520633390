// How much CPU time processes have had, how long they have waited for a CPU, and how much memory
// they have: from the kernel's /proc/PID. Serves no stage.
//
// Thread safety: any thread.
// Invariant: the times only grow while the process and its threads live.
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

// The resident memory of all these processes together, in bytes.
std::uint64_t resident_bytes(const std::vector<std::string>& pids);

}  // namespace sfs
