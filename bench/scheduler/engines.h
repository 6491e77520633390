#pragma once
// Registers a load for the library and for its peers, which then run side by side in one process.
// Serves no stage: it measures stages 3 to 5 (posting, dequeuing, running).

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "bench/scheduler/asio_engines.h"
#include "bench/scheduler/ours_engine.h"
#include "bench/scheduler/tbb_engine.h"
#include "bench/support/measure.h"
#include "bench/support/placement.h"

namespace bench {

inline constexpr std::array<std::size_t, 4> color_counts{1, 2, 64, 4096};

/// One CPU and two, as far as there are two.
inline std::vector<unsigned> cpu_counts() {
  return cpu_count() > 1 ? std::vector<unsigned>{1, 2} : std::vector<unsigned>{1};
}

/// `load/cpus:N/colors:M`.
inline std::string name_of(const char* load, unsigned cpus, std::size_t colors) {
  return std::string(load) + "/cpus:" + std::to_string(cpus) + "/colors:" + std::to_string(colors);
}

/// The callbacks in one unit of the benchmark's time: four for each of 4,096 colors or tokens.
inline constexpr std::size_t unit = 16384;

/// Registers Load<Engine>, constructed from (cpus, colors, rest...), for one engine. The engine's
/// threads are made on the first `cpus` CPUs; the measuring thread goes to the others.
template <template <template <class> class> class Load, template <class> class Engine,
          class... Rest>
void add_engine(const std::string& name, unsigned cpus, std::size_t colors, Rest... rest) {
  add(name, Engine<int>::name, [=](benchmark::State& state) {
    const placement restored_afterwards;
    confine_to_first(cpus);
    Load<Engine> load(cpus, colors, rest...);
    keep_off_first(cpus);
    measure(state, unit, [&](std::size_t callbacks) { load.run(callbacks); });
  });
}

/// The same for the library and both of Asio's strands.
template <template <template <class> class> class Load, class... Rest>
void add_ours_and_asio(const std::string& name, unsigned cpus, std::size_t colors, Rest... rest) {
  add_engine<Load, ours_engine>(name, cpus, colors, rest...);
  add_engine<Load, asio_pool_engine>(name, cpus, colors, rest...);
  add_engine<Load, asio_context_engine>(name, cpus, colors, rest...);
}

}  // namespace bench
