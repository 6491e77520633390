// sfsmount's command line. Serves no stage.
//
// Thread safety: one thread, at a program's start.
// Invariant: what was not asked for is an error.
#pragma once

#include <string>
#include <vector>

#include "examples/sfsd/channel/hostid.h"
#include "examples/sfsd/client/access.h"

namespace sfs {

struct mount_options {
  self_certifying_path server;
  std::string source;      // as it was said
  std::string mountpoint;  // an absolute path
  access_options access;
  std::vector<std::string> for_kernel;  // after -o: what libfuse or the kernel has to know
  bool foreground = false, read_only = false, allow_other = false;
};

// Exits if there is something wrong with it, or if it asks for help.
mount_options parse_mount_options(int argc, char** argv);

}  // namespace sfs
