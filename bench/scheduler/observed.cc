// observed: what looking on costs each callback: chains and pipelines with nothing on (ours), and
// with the watchdog, metrics or a trace. Stages 3 to 5. The target is the difference.

#include <functional>

#include "bench/scheduler/engines.h"
#include "bench/scheduler/workloads.h"
#include "mp/metrics.h"
#include "mp/trace.h"
#include "mp/watchdog.h"

namespace bench {
namespace {

struct observer {
  const char* name;
  std::function<void()> start, stop;
};

template <template <template <class> class> class Load, class... Rest>
void add_observed(const std::string& name, unsigned cpus, std::size_t colors, Rest... rest) {
  using std::chrono::hours;
  for (const observer& o :
       {observer{ours_engine<int>::name, [] {}, [] {}},
        observer{"peer:watchdog", [] { async::watchdog_start({.limit = hours(1)}); },
                 [] { async::watchdog_stop(); }},
        observer{"peer:metrics", [] { async::metrics_start(); }, [] { async::metrics_stop(); }},
        observer{"peer:trace", [] { async::trace_start(); }, [] { async::trace_stop(); }}}) {
    add(name, o.name, [=](benchmark::State& state) {
      const placement restored_afterwards;
      o.start();
      confine_to_first(cpus);
      {
        Load<ours_engine> load(cpus, colors, rest...);
        keep_off_first(cpus);
        measure(state, unit, [&](std::size_t callbacks) { load.run(callbacks); });
      }
      o.stop();
    });
  }
}

const bool added = [] {
  for (const unsigned cpus : cpu_counts()) {
    for (const std::size_t colors : {1u, 64u})
      add_observed<self_post>(name_of("observed/self_post", cpus, colors), cpus, colors);
    add_observed<cross_color>(name_of("observed/cross_color", cpus, 64) + "/tokens:64", cpus, 64u,
                              std::size_t{64});
  }
  return true;
}();

}  // namespace
}  // namespace bench
