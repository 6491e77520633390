// From a request's target to the path of a file. Serves stage 5.
//
// Thread safety: pure functions.
// Invariant: a path that comes from here begins with '/', and has no empty names, no "." and "..",
// and no NUL. It may end with '/': a directory's.
#pragma once

#include <string>
#include <string_view>

namespace httpd {

struct target {
  unsigned status = 0;  // what to answer, if it is no path
  std::string_view path, query;
};

// Of the target's origin-form or absolute-form (RFC 9112, section 3.2). Percent-encoding is taken
// off and dot segments are removed; what would lead above the root, and an encoded '/' or NUL, are
// refused. The path is a part of `raw`, or of `space` if it had to be changed.
target read_target(std::string_view raw, std::string& space);

}  // namespace httpd
