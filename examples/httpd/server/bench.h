// What a thread works with while a callback runs: no callback leaves anything in it. So clients
// that are idle have no buffers, and those that are busy share what lies in the CPU's cache
// already. Serves stages 5 and 6.
//
// Thread safety: each thread has its own.
// Invariant: `out` is empty when no callback runs.
#pragma once

#include <array>
#include <string>

#include "mp/colored.h"
#include "suio/suio.h"

namespace httpd {

struct bench {
  std::array<char, 32768> in;      // more than a request's head, and what a client may have unread
  std::array<char, 131072> piece;  // of a large file
  std::string path;                // of a request, decoded
  std::string peer;                // its address, for the log
  async::suio out;

  static bench& mine() { return async::thread_scratch<bench>(); }
};

}  // namespace httpd
