// Clients that do not slow down: requests come at random, whatever becomes of those before. Serves
// no stage.
//
// Thread safety: runs in a process of its own, which must have one thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace bench {

struct request {
  std::int64_t sent;   // by the monotonic clock, in ns; the answer has it, too
  std::int64_t taken;  // of the answer: 1, or 0 if it was turned away
};

struct overload_result {
  double goodput = 0;             // answers within the deadline, per second
  double p50_ms = 0, p99_ms = 0;  // of all answers that came but for those that were turned away
};

inline constexpr std::chrono::milliseconds overload_deadline{50};

// Sends `per_second` requests on these connections for two seconds, of which all but the first half
// second count, and waits for answers half a second longer.
overload_result be_clients(const std::vector<int>& connections, double per_second);

}  // namespace bench
