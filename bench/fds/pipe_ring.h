#pragma once
// The load of the pipe benchmark that libevent made known: many pipes of which few are active. An
// event reads one byte and writes one into the next pipe, as long as there are bytes left to write.
// The same for the library and for bare libev. Serves no stage: it is the load of stages 1 and 2.
//
// Thread safety: for one thread, or the callbacks of one color.

#include <unistd.h>

#include <array>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include "bench/support/measure.h"

namespace bench {

class pipe_ring {
 public:
  explicit pipe_ring(std::size_t pipes);
  ~pipe_ring();
  pipe_ring(const pipe_ring&) = delete;
  pipe_ring& operator=(const pipe_ring&) = delete;

  std::size_t size() const { return pipes_.size(); }
  int read_end(std::size_t i) const { return pipes_[i][0]; }

  /// Writes the first bytes: `active` chains, for `events` events in all after a tenth more to warm
  /// up.
  void start(std::size_t active, std::size_t events);

  /// What the callback of pipe i does. True after the last event.
  bool pass_on(std::size_t i) {
    char byte;
    if (read(pipes_[i][0], &byte, 1) != 1) throw std::runtime_error("pipe_ring: read failed");
    if (to_write_ > 0) {
      to_write_--;
      write_to(i + 1 < pipes_.size() ? i + 1 : 0);
    }
    return --to_read_ == 0 && !begin_timed_part();
  }

  /// After the last event.
  const timing& result() const { return result_; }

 private:
  void write_to(std::size_t i) {
    if (write(pipes_[i][1], "e", 1) != 1) throw std::runtime_error("pipe_ring: write failed");
  }
  void begin(std::size_t events);
  bool begin_timed_part();

  std::vector<std::array<int, 2>> pipes_;
  std::size_t active_ = 0, events_ = 0;
  std::size_t to_write_ = 0, to_read_ = 0;
  bool timed_ = false;
  clock::time_point start_;
  double cpu_at_start_ = 0;
  timing result_{};
};

/// Run until the ring's last event, on one CPU.
void pass_round_on_ours(pipe_ring& ring);
void pass_round_on_libev(pipe_ring& ring);

}  // namespace bench
