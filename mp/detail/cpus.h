// Which CPUs the process may use, and binding threads to them.
#pragma once

#include <sched.h>

#include <string>
#include <vector>

namespace async::detail {

// The numbers of the CPUs in the process's affinity mask, as it was when first asked for.
const std::vector<int>& allowed_cpus();

// How many CPUs the cgroup's quota allows, rounded up, or 0 if it sets none. `root` is where the
// filesystems /proc and /sys are; a test makes its own.
unsigned cgroup_cpu_limit(const std::string& root = "");

void pin_this_thread(int cpu) noexcept;

// Gives the calling thread all of the process's CPUs again.
void unpin_this_thread() noexcept;

// Restores the calling thread's affinity when it goes.
class affinity_guard {
 public:
  affinity_guard() noexcept;
  ~affinity_guard();
  affinity_guard(const affinity_guard&) = delete;
  affinity_guard& operator=(const affinity_guard&) = delete;

 private:
  cpu_set_t set_;
  bool valid_;
};

}  // namespace async::detail
