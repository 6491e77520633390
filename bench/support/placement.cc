// Which CPU each thread of a benchmark runs on; see placement.h.

#include "bench/support/placement.h"

#include <cstddef>
#include <vector>

namespace bench {

namespace {

/// The CPUs of the process as it was started, in order.
const std::vector<int>& cpus() {
  static const std::vector<int> all = [] {
    std::vector<int> found;
    cpu_set_t mask;
    sched_getaffinity(0, sizeof mask, &mask);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
      if (CPU_ISSET(cpu, &mask)) found.push_back(cpu);
    return found;
  }();
  return all;
}

[[maybe_unused]] const std::size_t read_before_anything_is_pinned = cpus().size();

void confine(std::size_t from, std::size_t to) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (std::size_t i = from; i < to; i++) CPU_SET(cpus()[i], &mask);
  sched_setaffinity(0, sizeof mask, &mask);
}

}  // namespace

unsigned cpu_count() { return static_cast<unsigned>(cpus().size()); }

void pin_to(unsigned index) {
  const std::size_t i = index % cpus().size();
  confine(i, i + 1);
}

void confine_to_first(unsigned count) { confine(0, count < cpus().size() ? count : cpus().size()); }

void keep_off_first(unsigned count) { confine(count < cpus().size() ? count : 0, cpus().size()); }

}  // namespace bench
