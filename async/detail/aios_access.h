// The door to a stream for the rest of the library. Serves stages 2 and 3.
//
// Thread-safety: any thread, but for transport_of() and make(): as for the stream itself.
#pragma once

#include "async/aios.h"

namespace async::detail {

struct aios_access {
  static deadline_entry& entry(aios& stream) noexcept { return stream; }
  static aios& stream(deadline_entry& entry) noexcept { return static_cast<aios&>(entry); }

  static void hold(aios& stream) noexcept { stream.retain(); }
  static void let_go(aios& stream) noexcept { stream.release(); }

  // Posts a look to the stream's color, with what hold() has counted.
  static void look_at_deadlines(aios& stream);

  // A stream over the fds and `over`, which it then owns.
  static aios_t make(int in, int out, transport& over, ptr<const aios_options> options, color c,
                     where site);
  static transport& transport_of(const aios& stream) noexcept { return *stream.over_; }
};

}  // namespace async::detail
