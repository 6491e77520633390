#pragma once
// The loads of the timer benchmarks: the stamps, the order in which timers are cancelled, and the
// clock. The same for the library and for bare libev. Serves no stage: it is the load of stage 1.
//
// Thread safety: for one thread, or the callbacks of one color.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/support/measure.h"

namespace bench {

enum class fate { fire, cancel };

struct timer_load {
  fate end;
  /// When each timer is due, after the start.
  std::vector<std::chrono::nanoseconds> due;
  /// The order in which they are cancelled; a permutation.
  std::vector<std::uint32_t> order;
};

/// Timers of random stamps, and all of them due within `within`.
timer_load random_timers(fate end, std::size_t count, std::chrono::nanoseconds within);
/// Timers of one stamp, that far in the future.
timer_load equal_timers(std::size_t count, std::chrono::nanoseconds due);

/// Sets the timers and either runs until all have fired or cancels each: the time of all that. With
/// `cancelling_only`, the setting is not in it.
timing run_timers_on_ours(const timer_load& load, bool cancelling_only);
timing run_timers_on_libev(const timer_load& load, bool cancelling_only);

/// The time since it was made.
class stopwatch {
 public:
  void restart() { *this = stopwatch(); }
  timing elapsed() const { return {ns_since(start_) * 1e-9, process_cpu_ns() - cpu_at_start_}; }

 private:
  clock::time_point start_ = clock::now();
  double cpu_at_start_ = process_cpu_ns();
};

}  // namespace bench
