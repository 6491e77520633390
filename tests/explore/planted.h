// Programs with a mistake that only another order than FIFO shows: the plain runtime passes them
// again and again.
#pragma once

namespace async::test {

struct planted {
  const char* name;
  void (*program)();  // throws if the mistake has shown
};

extern const planted mistakes[12];

// Whether run_all() has the plain runtime, on one CPU. Else it is explored.
extern bool plainly;

// Runs what is posted until nothing is left.
void run_all();

}  // namespace async::test
