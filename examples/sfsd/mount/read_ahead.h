// How far the kernel reads ahead. Its default, 128 KiB, is little for a server that is some way
// away. Serves no stage; blocks for as long as it takes to read /proc.
//
// Thread safety: pure functions of the system's state.
// Invariant: it never asks the mounted file system itself, which could not answer.
#pragma once

#include <string>

namespace sfs {

// Makes it more for what is mounted there, if we may.
void read_ahead(const std::string& mountpoint);

}  // namespace sfs
