// Changes to the table of users, as sfskey makes them: under a lock, and all at once, so that a
// server that reads the table at any moment finds it whole. Blocks; serves no stage.
//
// The lock is flock(2) on the table itself: whoever gets it looks whether the table is still that
// file, and starts again if it was replaced meanwhile.
//
// Thread safety: any thread, any process.
// Invariant: a table that could not be read by a server is never written, nor changed.
#pragma once

#include <optional>
#include <string>

#include "examples/sfsd/users/table_lines.h"

namespace sfs {

// Adds a key. Makes the table (mode 0644) if there is none. Fails if the key is in it already, be
// that as revoked. Empty if it was added; else why not.
std::string register_key(const std::string& path, const std::string& user, const public_line& key,
                         std::optional<date> expires);

// Marks a key as revoked on that day; its line stays. The line if it is revoked now, or was
// already; fails if the key is not in the table.
outcome<table_entry> revoke_key(const std::string& path, const ed25519_public& key, date day);

}  // namespace sfs
