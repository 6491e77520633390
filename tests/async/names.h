// Names for the tests: getaddrinfo(3) of the test program, for which these exist besides real ones.
//
//   two.test    127.0.0.2, where nobody listens, and then 127.0.0.1
//   slow.test   as 127.0.0.1, but only when `slow_name` has been posted
//
// Serves no stage. Thread-safety: any thread.
#pragma once

#include <atomic>

#include "tests/support/support.h"

namespace async::test {

extern baton slow_name;

// The look-ups of slow.test that wait for it.
extern std::atomic<int> slow_names_held;

}  // namespace async::test
