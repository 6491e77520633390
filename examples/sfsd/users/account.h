// Accounts of this machine: what a user may do here is what his account may. Serves no stage; it
// blocks, perhaps for as long as a directory service needs, and belongs in a program's start.
//
// Thread safety: any thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "examples/sfsd/base/outcome.h"

namespace sfs {

struct user {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // all of them, gid too

  bool operator==(const user&) const = default;
};

// The account of that name, or none; a failure if nobody can tell.
outcome<std::optional<user>> system_account(const std::string& name);

}  // namespace sfs
