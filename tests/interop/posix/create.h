// What all calls that make a file have in common. Serves no stage.
//
// Thread safety: one thread in each process.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/interop/posix/paths.h"

namespace posix {

// Makes a file with a mode.
struct maker {
  std::string name;
  type makes;
  std::function<long(const char*, mode_t)> run;
};

std::vector<path_call> path_calls(const maker& m);

// The twelve bits, as umask leaves them.
void check_modes(const maker& m);
// EEXIST for each type that is there, and for links that lead nowhere.
void check_existing(const maker& m);
// The times of the file and of its parent, and the link count.
void check_birth(const maker& m);
// Owner and group of a new file; those of a directory with the set-group-ID bit.
void check_owners(const maker& m);
// The write permission of the parent.
void check_parent_of(const maker& m);

}  // namespace posix
