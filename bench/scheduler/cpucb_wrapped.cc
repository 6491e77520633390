// cpucb_wrapped: self-posting chains through the full public path: each callback makes the next one
// with cwrap (a colored callback, reference-counted, with its call site) and queues it with cpucb.
// Stages 2 to 5. It stands alone: the target is absolute.

#include <atomic>
#include <cstdint>
#include <deque>

#include "bench/scheduler/engines.h"

namespace bench {
namespace {

/// One color and the chain of callbacks on it.
class chain {
 public:
  chain(std::atomic<std::size_t>& live, finish_line& end) : live_(live), end_(end) {}

  void start(std::uint32_t callbacks) {
    left_ = callbacks;
    post_next();
  }

 private:
  void step() {
    if (--left_ > 0)
      post_next();
    else if (live_.fetch_sub(1) == 1)
      end_.cross();
  }
  void post_next() { async::cpucb(async::cwrap(color_, this, &chain::step)); }

  async::color color_ = async::color::fresh();
  std::uint32_t left_ = 0;
  std::atomic<std::size_t>& live_;
  finish_line& end_;
};

void run_chains(benchmark::State& state, unsigned cpus, std::size_t colors) {
  const placement restored_afterwards;
  confine_to_first(cpus);
  async::runtime runtime(async::runtime_options{.cpus = cpus});
  runtime.start();
  keep_off_first(cpus);

  std::atomic<std::size_t> live{0};
  finish_line end;
  std::deque<chain> chains;
  for (std::size_t i = 0; i < colors; i++) chains.emplace_back(live, end);
  measure(state, unit, [&](std::size_t callbacks) {
    live = colors;
    for (chain& c : chains) c.start(static_cast<std::uint32_t>(callbacks / colors));
    end.wait();
  });
  runtime.stop();
}

const bool added = [] {
  for (const unsigned cpus : cpu_counts())
    for (const std::size_t colors : color_counts)
      add(name_of("cpucb_wrapped", cpus, colors), "ours",
          [=](benchmark::State& state) { run_chains(state, cpus, colors); });
  return true;
}();

}  // namespace
}  // namespace bench
