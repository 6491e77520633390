#pragma once
// Which CPU each thread of a benchmark runs on, the same for the library and for its peers: the
// workers of an N-CPU run have the first N CPUs, one each, and what stands outside (the posting
// thread, the client process) has the other CPUs, if there are any. Serves no stage.
//
// Thread safety: each function concerns the calling thread only; the table of CPUs is read once.

#include <sched.h>

namespace bench {

/// The number of CPUs that this process may use.
unsigned cpu_count();

/// Confines the calling thread to the `index`-th of them, counted round.
void pin_to(unsigned index);

/// Confines the calling thread to the first `count` of them.
void confine_to_first(unsigned count);

/// Confines the calling thread to all but the first `count`; to any, if those are all.
void keep_off_first(unsigned count);

/// Gives back in its destructor the affinity that the thread had. Threads and processes inherit
/// their creator's, so an engine is constructed between `confine_to_first` and `keep_off_first`.
class placement {
 public:
  placement() { sched_getaffinity(0, sizeof before_, &before_); }
  ~placement() { sched_setaffinity(0, sizeof before_, &before_); }
  placement(const placement&) = delete;
  placement& operator=(const placement&) = delete;

 private:
  cpu_set_t before_;
};

}  // namespace bench
