// The explorer's results as GoogleTest assertions.
//
// Serves no stage: `EXPECT_TRUE(holds(...))` for a case in which no schedule fails, and
// `EXPECT_TRUE(finds(..., "what"))` for one with a planted bug. Each prints how much it has tried.
//
// Thread safety: one at a time.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>
#include <string_view>

#include "tests/mp/explore/explore.h"

namespace async::explore {

// The number of schedules or of rounds, less where each costs more.
constexpr std::uint64_t scaled(std::uint64_t n) {
#if defined(ASYNC_EXPLORE_SWAPCONTEXT)
  return n / 100 + 1;
#else
  return n;
#endif
}

inline void print_effort(const result& r) {
  std::printf("[ explored ] %llu schedules, %llu steps in %.2f s%s\n",
              static_cast<unsigned long long>(r.schedules),
              static_cast<unsigned long long>(r.steps), r.seconds,
              r.complete    ? ": every interleaving"
              : r.exhausted ? ": all within the bounds"
                            : "");
}

// No schedule failed.
inline testing::AssertionResult holds(const result& r) {
  print_effort(r);
  if (!r.failed) return testing::AssertionSuccess();
  std::ostringstream text;
  text << r;
  return testing::AssertionFailure() << text.str();
}

// A schedule failed, in a way that `what` is part of.
inline testing::AssertionResult finds(const result& r, std::string_view what) {
  print_effort(r);
  if (r.failed && r.what.find(what) != std::string::npos) return testing::AssertionSuccess();
  std::ostringstream text;
  text << r;
  return testing::AssertionFailure() << "expected \"" << what << "\", got " << text.str();
}

}  // namespace async::explore
