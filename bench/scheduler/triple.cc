// triple: a callback of the default color, one of a client's color that computes for 5 us, one of
// the default color; 64 clients, 256 requests in flight. Stages 3 to 5 as a server uses them.
//
// The counter `of_ideal` is the part of the CPUs that went into computing: the time that the work
// of one triple takes when the same number of CPUs does nothing else, divided by the number of
// CPUs, over the time per triple. That ideal is measured just before and just after, for a CPU's
// speed changes with what its neighbours do.

#include <algorithm>

#include "bench/scheduler/engines.h"
#include "bench/scheduler/workloads.h"

namespace bench {
namespace {

constexpr double work_ns = 5000;
constexpr std::size_t clients = 64;
constexpr std::size_t triples_per_unit = triple<asio_pool_engine>::in_flight;

template <template <class> class Engine>
void add_triple(unsigned cpus) {
  add(name_of("triple", cpus, clients), Engine<int>::name, [=](benchmark::State& state) {
    const work compute = work::calibrated(work_ns);
    const double before = compute.measured_ns(cpus);
    {
      const placement restored_afterwards;
      confine_to_first(cpus);
      triple<Engine> load(cpus, clients, compute);
      keep_off_first(cpus);
      measure(state, triples_per_unit, [&](std::size_t triples) { load.run(triples); });
    }
    const double ideal = std::min(before, compute.measured_ns(cpus)) / cpus;
    state.counters["of_ideal"] = ideal / state.counters["ns"].value;
  });
}

const bool added = [] {
  for (const unsigned cpus : cpu_counts()) {
    add_triple<ours_engine>(cpus);
    add_triple<asio_pool_engine>(cpus);
    add_triple<asio_context_engine>(cpus);
    add_triple<tbb_engine>(cpus);
  }
  return true;
}();

}  // namespace
}  // namespace bench
