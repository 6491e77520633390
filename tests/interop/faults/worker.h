// One who writes and keeps a ledger of what he was told: a client of his own (writer.h), or a
// program on a mounted file system (program.h). What a crew needs to know of either.
//
// Serves no stage. Thread safety: called under the default color.
// Invariant: whatever is not acknowledged as it should be is a finding.
#pragma once

#include <chrono>
#include <cstdint>

#include "tests/interop/faults/ledger.h"

namespace sfs::faults {

struct worker_options {
  std::uint32_t log_size = 256 * 1024;   // then the next log is begun
  std::size_t most_logs = 8;             // the older ones are removed
  std::uint32_t largest = 12'000;        // record
  std::chrono::milliseconds between{0};  // two steps
  std::uint64_t seed = 1;
};

struct worker_counts {
  std::uint64_t no_space = 0, io_errors = 0, busy = 0, written_again = 0;
};

class worker {
 public:
  virtual ~worker() = default;

  virtual void begin() = 0;
  virtual void stop() = 0;
  virtual bool has_stopped() const = 0;

  // How many steps the slowest of his works has made, and all of them.
  virtual std::uint64_t steps() const = 0;
  virtual std::uint64_t steps_altogether() const = 0;
  virtual worker_counts count() const = 0;

  // Whether he is waiting for room, and that he shall make some.
  virtual bool is_full() const { return false; }
  virtual void make_room() {}

  // Whether he has nothing any more from the server that he has not heeded, because the connection
  // is lost; and to lose it.
  virtual bool is_cut_off() const { return true; }
  virtual void cut() {}

  // Compares, and gives what he found by himself.
  virtual void check(findings& f) = 0;
  virtual void lose_what_may_be_lost() = 0;
  virtual std::string name() const = 0;
};

}  // namespace sfs::faults
