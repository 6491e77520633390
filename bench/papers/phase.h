// The parts of a measurement: those who do what is measured read which it is, and the measuring
// thread sets it.
//
// Thread safety: any thread, in an atomic.
#pragma once

#include <chrono>

namespace papers {

using steady = std::chrono::steady_clock;

enum class phase { warming_up, measuring, over };

}  // namespace papers
