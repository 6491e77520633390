#pragma once
// Work that takes a known time: a fixed number of rounds of arithmetic that no compiler can skip.
// The number is found once, with the clock read outside the loop, and never changes, so that what
// is added to a callback is computing and nothing else. Serves stage 5 (running).
//
// Thread safety: any thread; `calibrated` measures on first use.

#include <cstdint>

namespace bench {

/// A number of rounds that take about a known time on an undisturbed CPU.
class work {
 public:
  /// The rounds that take `ns`. Measures, about 20 ms, the first time.
  static work calibrated(double ns);

  void operator()() const {
    std::uint64_t x = rounds_;
    for (std::uint64_t i = rounds_; i > 0; i--) {
      x = x * 0x9e3779b97f4a7c15u + 1;
      asm volatile("" : "+r"(x));
    }
  }

  /// What one call takes now, in ns, with `cpus` CPUs each doing nothing but this: the ideal to
  /// compare a run with. About 30 ms; the best of three.
  double measured_ns(unsigned cpus) const;

 private:
  explicit work(std::uint64_t rounds) : rounds_(rounds) {}

  std::uint64_t rounds_;
};

}  // namespace bench
