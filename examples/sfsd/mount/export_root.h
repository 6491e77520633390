// From the name of an export to what has to be known before it is mounted. Serves stage 5.
//
// Thread safety: one color (the default color).
// Invariant: each calls back once, never from within the call.
#pragma once

#include <functional>
#include <string>

#include "examples/sfsd/client/session.h"
#include "examples/sfsd/mount/file_system.h"

namespace sfs {

struct root_found {
  file_key root;
  std::string why;       // there is none
  bool refused = false;  // the server gives us nothing at all
};

// The directory at `path` beneath the server's root.
void find_root(session& s, const std::string& path, unsigned login,
               std::function<void(const root_found&)> done);

// The rest of it: sizes and limits. `what` has the root and its path.
struct export_found {
  served what;
  fattr3 root_attributes{};
  std::string why;
};
void examine_export(session& s, served what, unsigned login,
                    std::function<void(const export_found&)> done);

}  // namespace sfs
