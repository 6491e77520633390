// Showing a server's directories and files, and removing them, as `sfs ls`, `stat` and `rm` do.
// Blocks; serves no stage.
//
// Thread safety: one thread at a time.
// Invariant: what is printed of a server's names cannot control a terminal.
#pragma once

#include <string>
#include <string_view>

#include "examples/sfsd/client/remote.h"

namespace sfs {

// Each returns why it failed, or nothing.

// Prints the names in a directory, or the name of anything else; with its attributes if
// `long_form`.
std::string list(remote_files& files, std::string_view path, bool long_form);

// Prints all that is known of a file.
std::string print_attributes(remote_files& files, std::string_view path);

// Removes a file; a directory only if `recursive`, and then with all that is in it.
std::string remove(remote_files& files, std::string_view path, bool recursive);

}  // namespace sfs
