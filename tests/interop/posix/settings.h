// What the command line of the POSIX suite gave. Serves no stage.
//
// Thread safety: written once by main(), before any case runs; read only from then on.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace posix {

// What a file system may lack without being wrong for it. --without takes it away by its name.
enum class feature {
  big_files,
  devices,
  dir_links,
  entry_numbers,
  etxtbsy,
  exec,
  immutable,
  links,
  locks,
  nameless,
  open_unlinked,
  pre_1970,
  post_2038,
  rename_ctime,
  root_chown_clears,
  seekdir,
  set_id,
  shared_maps,
  sparse,
  unlinked_nlink,
  any_bytes,
};

struct feature_words {
  feature what;
  const char* name;
  const char* words;
};

const std::vector<feature_words>& features();

struct settings {
  std::string directory;
  std::string other_fs;   // a directory of another file system; empty if there is none
  std::string read_only;  // a directory of a file system mounted read-only; empty if there is none
  long entries = 10000;   // of the large directory
  bool verbose = false;
  std::set<feature> without;
  std::set<std::string> only, skip;  // names of groups
};

settings& given();

inline bool has(feature f) { return !given().without.contains(f); }

}  // namespace posix
