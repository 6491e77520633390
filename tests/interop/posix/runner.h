// What the runner and the checks of the POSIX suite share. Serves no stage.
//
// Thread safety: the counts are atomic, and in memory that all the suite's processes share; the
// reasons are written by one process at a time, as a case waits for each of its children.
#pragma once

#include <atomic>

namespace posix {

struct tally {
  std::atomic<long> number, passed, failed, skipped;
  std::atomic<bool> clock_stands;  // a wait for the file system's clock was in vain
  char reasons[4096];              // why checks of this group were skipped
};

tally& counts();

}  // namespace posix
