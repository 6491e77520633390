// self_post and cross_color: chains within a color and pipelines across colors, against Asio's
// strands and TBB's serial nodes. They measure stages 3 to 5 (posting, dequeuing, running) with
// callbacks that do nothing else.

#include "bench/scheduler/engines.h"
#include "bench/scheduler/workloads.h"

namespace bench {
namespace {

const bool added = [] {
  for (const unsigned cpus : cpu_counts()) {
    for (const std::size_t colors : color_counts) {
      const std::string name = name_of("self_post", cpus, colors);
      add_ours_and_asio<self_post>(name, cpus, colors);
      add_engine<self_post, tbb_engine>(name, cpus, colors);
    }
    for (const std::size_t colors : {64u, 4096u})
      for (const std::size_t tokens : {1u, 64u, 4096u}) {
        const std::string name =
            name_of("cross_color", cpus, colors) + "/tokens:" + std::to_string(tokens);
        add_ours_and_asio<cross_color>(name, cpus, colors, tokens);
        add_engine<cross_color, tbb_engine>(name, cpus, colors, tokens);
      }
  }
  return true;
}();

}  // namespace
}  // namespace bench
