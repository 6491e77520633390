// The file of a trace (docs/trace.md tells its format).
#pragma once

#include <string>

#include "mp/detail/trace_picture.h"

namespace async::detail {

// Writes the file beside its place, and then moves it there; what is no regular file, such as a
// pipe, is written in place. Throws std::system_error.
void write_trace_json(const trace_picture& picture, const std::string& file);

}  // namespace async::detail
