// shown: text of others as it may be put on a terminal of ours. Serves no stage.
//
// Thread safety: a pure function.
#pragma once

#include <string>
#include <string_view>

namespace sfs {

// The text with \xNN for each byte that could control a terminal: those of the control characters
// (C0, DEL and C1), those that are no well-formed UTF-8, and the backslash. So different texts look
// different, and none is more than one line.
std::string shown(std::string_view text);

}  // namespace sfs
