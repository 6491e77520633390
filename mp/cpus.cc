// How many CPUs a runtime should use, and binding threads to them.
#include "mp/detail/cpus.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "mp/runtime.h"

namespace async {
namespace detail {

const std::vector<int>& allowed_cpus() {
  // Never destroyed: the watchdog's thread may read it while the program ends.
  static const auto& cpus = *new const std::vector<int>([] {
    std::vector<int> found;
    cpu_set_t set;
    CPU_ZERO(&set);
    // Fails only on machines with more than CPU_SETSIZE CPUs; then one is assumed.
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
      for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &set)) found.push_back(cpu);
      }
    }
    if (found.empty()) found.push_back(0);
    return found;
  }());
  return cpus;
}

namespace {

// CPUs allowed by one "quota period" pair; 0 if the quota is not a positive number ("max", "-1").
unsigned cpus_of_quota(const std::string& quota, double period) {
  char* end = nullptr;
  const double value = std::strtod(quota.c_str(), &end);
  if (end == quota.c_str() || value <= 0 || period <= 0) return 0;
  return static_cast<unsigned>(std::min(std::ceil(value / period), 1e6));
}

unsigned smaller_limit(unsigned a, unsigned b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

// The limit of one cgroup directory, of version 2 (cpu.max) or 1 (cpu.cfs_*).
unsigned limit_in(const std::string& directory) {
  std::string quota;
  double period = 0;
  if (std::ifstream(directory + "/cpu.max") >> quota >> period) return cpus_of_quota(quota, period);
  if (std::ifstream(directory + "/cpu.cfs_quota_us") >> quota &&
      std::ifstream(directory + "/cpu.cfs_period_us") >> period) {
    return cpus_of_quota(quota, period);
  }
  return 0;
}

}  // namespace

unsigned cgroup_cpu_limit(const std::string& root) {
  unsigned limit = 0;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    // "0::/path" (version 2), or "N:controller,controller:/path" (version 1).
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool version2 = controllers == ",,";
    if (!version2 && controllers.find(",cpu,") == std::string::npos) continue;
    const std::string mount = root + (version2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu");
    // Every ancestor's limit applies, too.
    for (std::string path = line.substr(second + 1);; path.erase(path.rfind('/'))) {
      limit = smaller_limit(limit, limit_in(mount + path));
      if (path.rfind('/') == std::string::npos) break;
    }
  }
  return limit;
}

void pin_this_thread(int cpu) noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  // If it fails (the CPU has gone), the thread runs unbound, only slower.
  sched_setaffinity(0, sizeof set, &set);
}

void unpin_this_thread() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : allowed_cpus()) CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

affinity_guard::affinity_guard() noexcept : valid_(sched_getaffinity(0, sizeof set_, &set_) == 0) {}

affinity_guard::~affinity_guard() {
  if (valid_) sched_setaffinity(0, sizeof set_, &set_);
}

}  // namespace detail

#if defined(ASYNC_UNIPROCESSOR)

unsigned default_cpus() { return 1; }

#else

unsigned default_cpus() {
  if (const char* const text = std::getenv("ASYNC_NCPU")) {
    unsigned cpus = 0;
    const char* const end = text + std::strlen(text);
    const auto [rest, error] = std::from_chars(text, end, cpus);
    if (error == std::errc{} && rest == end && cpus >= 1 && cpus <= max_cpus) return cpus;
    std::fprintf(stderr, "%s: ASYNC_NCPU=\"%s\" is ignored: not a number from 1 to %u\n",
                 program_invocation_short_name, text, max_cpus);
  }
  const auto allowed = static_cast<unsigned>(detail::allowed_cpus().size());
  return std::min(detail::smaller_limit(allowed, detail::cgroup_cpu_limit()), max_cpus);
}

#endif

}  // namespace async
