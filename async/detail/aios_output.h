// What a stream keeps only while it has something to write. Serves stage 6.
//
// Thread-safety: the stream's color.
#pragma once

#include <cstdint>
#include <system_error>
#include <vector>

#include "async/aios.h"

namespace async {

struct aios::output {
  struct mark {
    std::uint64_t position;  // due when so many bytes were written
    written_cb::ref cb;
  };

  bool idle() const noexcept { return queue.empty() && marks.empty() && !when_low; }

  suio queue;
  std::uint64_t written = 0;  // bytes that have left the queue
  std::vector<mark> marks;    // by position
  written_cb::ptr when_low;
};

}  // namespace async
