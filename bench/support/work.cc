// Work that takes a known time; see work.h.

#include "bench/support/work.h"

#include <algorithm>
#include <barrier>
#include <thread>
#include <vector>

#include "bench/support/measure.h"
#include "bench/support/placement.h"

namespace bench {

work work::calibrated(double ns) {
  static const double rounds_per_ns = [] {
    const work probe(100'000);
    double best = 1e18;
    for (int i = 0; i < 100; i++) {
      const auto start = clock::now();
      probe();
      best = std::min(best, ns_since(start));
    }
    return static_cast<double>(probe.rounds_) / best;
  }();
  return work(static_cast<std::uint64_t>(ns * rounds_per_ns));
}

double work::measured_ns(unsigned cpus) const {
  constexpr int calls = 2000;
  double best = 1e18;
  for (int attempt = 0; attempt < 3; attempt++) {
    std::vector<double> took(cpus);
    std::barrier together(static_cast<std::ptrdiff_t>(cpus));
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < cpus; i++)
      threads.emplace_back([&, i] {
        pin_to(i);
        together.arrive_and_wait();
        const auto start = clock::now();
        for (int call = 0; call < calls; call++) (*this)();
        took[i] = ns_since(start) / calls;
      });
    threads.clear();
    double sum = 0;
    for (double ns : took) sum += ns;
    best = std::min(best, sum / cpus);
  }
  return best;
}

}  // namespace bench
