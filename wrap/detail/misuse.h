// misuse: the end of a program that broke a rule of this library.
//
// Stage: none (layer 0).
// Thread safety: any thread. Does not return.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "wrap/where.h"

namespace async::detail {

// Prints "PROGRAM: FILE:LINE: WHAT" to stderr and aborts. For what a caller got wrong (never for
// what the network or the kernel did): `site` is the line that has to be changed, or the one where
// the callback in question was wrapped or posted.
[[noreturn, gnu::cold, gnu::noinline]] inline void misuse(where site, const char* what) noexcept {
  std::fprintf(stderr, "%s: %s:%u: %s\n", program_invocation_short_name, site.file_name(),
               static_cast<unsigned>(site.line()), what);
  std::abort();
}

}  // namespace async::detail
