// wake_idle: a thread outside posts one callback to a runtime whose workers have long been asleep,
// against Asio's. Stages 3 to 5, and the parking of workers. With one CPU the poster watches from
// the other one; with two it is on a CPU that is also a worker's.

#include "bench/scheduler/engines.h"
#include "bench/support/wake.h"

namespace bench {
namespace {

template <template <class> class Engine>
void add_wake(unsigned cpus) {
  add("wake_idle/cpus:" + std::to_string(cpus), Engine<mark>::name, [=](benchmark::State& state) {
    const placement restored_afterwards;
    confine_to_first(cpus);
    Engine<mark> engine(cpus, 1);
    keep_off_first(cpus);
    measure_wake(state, [&](mark callback) { engine.post(0, callback); });
  });
}

const bool added = [] {
  for (const unsigned cpus : cpu_counts()) {
    add_wake<ours_engine>(cpus);
    add_wake<asio_pool_engine>(cpus);
    add_wake<asio_context_engine>(cpus);
  }
  return true;
}();

}  // namespace
}  // namespace bench
