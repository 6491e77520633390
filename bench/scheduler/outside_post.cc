// outside_post: a thread that is none of the workers posts 1 M callbacks round the colors, as fast
// as it can, until all have run; against Asio's strands. It measures stage 3 (posting) from outside
// and the hand-over to stages 4 and 5. With one CPU the poster has the other CPU to itself, with
// two it shares them with the workers.

#include "bench/scheduler/engines.h"
#include "bench/scheduler/workloads.h"

namespace bench {
namespace {

/// A million, and a multiple of every number of colors. Always this many, because how far the
/// poster gets ahead is part of what is measured.
std::size_t burst() { return brief() ? unit : std::size_t{1} << 20; }

template <template <class> class Engine>
void add_burst(const std::string& name, unsigned cpus, std::size_t colors) {
  add(name, Engine<int>::name, [=](benchmark::State& state) {
    const placement restored_afterwards;
    confine_to_first(cpus);
    outside_post<Engine> load(cpus, colors);
    keep_off_first(cpus);
    load.run(unit);
    double total = 0;
    const double cpu_before = process_cpu_ns();
    for (auto _ : state) {
      const auto start = clock::now();
      load.run(burst());
      const double ns = ns_since(start);
      state.SetIterationTime(ns * 1e-9);
      total += ns;
    }
    const double callbacks = static_cast<double>(state.iterations()) * static_cast<double>(burst());
    state.counters["ns"] = total / callbacks;
    state.counters["cpu_ns"] = (process_cpu_ns() - cpu_before) / callbacks;
  });
}

const bool added = [] {
  for (const unsigned cpus : cpu_counts())
    for (const std::size_t colors : color_counts) {
      const std::string name = name_of("outside_post", cpus, colors);
      add_burst<ours_engine>(name, cpus, colors);
      add_burst<asio_pool_engine>(name, cpus, colors);
      add_burst<asio_context_engine>(name, cpus, colors);
    }
  return true;
}();

}  // namespace
}  // namespace bench
