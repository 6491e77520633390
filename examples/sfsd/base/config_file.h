// A program's options from a file, instead of from the command line. Serves no stage.
//
//     # comment
//     NAME = VALUE        the option --NAME VALUE
//     NAME                the flag --NAME
//
// Blanks around NAME and VALUE mean nothing; VALUE is the rest of the line as it is. Each option
// may come once.
//
// Thread safety: pure functions, but for reading the file.
// Invariant: what is not such a line is an error that names it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "examples/sfsd/base/outcome.h"

namespace sfs {

// The words that the command line would have: "--NAME=VALUE" or "--NAME". `name` is what errors
// call the text.
outcome<std::vector<std::string>> parse_config(std::string_view text, const std::string& name);

// The same of a file of at most 64 KiB.
outcome<std::vector<std::string>> read_config(const std::string& path);

}  // namespace sfs
