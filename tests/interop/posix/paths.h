// What every call that takes a path owes its caller: the errors of a path that leads nowhere, and
// the permissions along it. Serves no stage.
//
// Thread safety: one thread in each process.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/interop/posix/files.h"

namespace posix {

// A call, as a function of one of its paths. The others are such that nothing is wrong with them.
struct path_call {
  std::string name;
  std::function<long(const char*)> run;
  bool creates = false;  // the last component need not be there
  bool follows = true;   // a symbolic link as the last component is followed
};

// ENOTDIR, ENOENT, ENAMETOOLONG and ELOOP, with no time of a directory moved. The case's directory
// must hold what the calls name, and keeps it.
void check_bad_paths(const std::vector<path_call>& calls);

// EACCES where a directory of the path may not be searched: for each user and each mode.
void check_search(const std::vector<path_call>& calls);

// A call that changes the entries of a directory.
struct entry_call {
  std::string name;
  // Makes what the call needs, in `dir` and in `free`, where everyone may write; all for the user.
  std::function<void(const std::string& dir, const std::string& free, const user& u)> prepare;
  std::function<long(const std::string& dir, const std::string& free)> run;
};

// EACCES where the directory may not be written or searched, with its times unmoved; for each user
// and each mode. Otherwise success.
void check_parent(const std::vector<entry_call>& calls);

// EROFS on the file system that --read-only gives, whose directory is `args[0]` of the calls.
void check_read_only(const std::vector<path_call>& calls);

}  // namespace posix
