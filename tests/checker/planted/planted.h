// Programs that are wrong in their colors, each in one way, for the tests of the color checker.
//
// Serves no stage: checker_test.cc runs them, in a process each.
#pragma once

#include <span>

#include "mp/color.h"

namespace planted {

// The source has a comment [NAME.1] at one call site that makes the mistake, and [NAME.2] at the
// other: both must be in the report.
struct mistake {
  const char* name;
  void (*plant)();
};

extern const std::span<const mistake> mistakes_in_memory;
extern const std::span<const mistake> mistakes_with_events;

inline const async::color red = async::color::fresh();
inline const async::color blue = async::color::fresh();

}  // namespace planted
