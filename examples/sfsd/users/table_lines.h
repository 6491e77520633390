// The table of users as text: which key belongs to which user of this machine.
//
//     # comment
//     USER sfs-ed25519 KEY [expires=YYYY-MM-DD] [revoked=YYYY-MM-DD] [COMMENT]
//
// Words are separated by one or more spaces or tabs. A key is good to the end of the day on which
// it expires, in UTC. A key that is revoked stays in the table, so that nobody enters it again by
// mistake. The first word of a COMMENT has no '=' in it, so that a misspelt option is an error and
// not a comment. Empty lines, and those whose first character but blanks is '#', mean nothing.
//
// Thread safety: pure functions and values.
// Invariant: in what parse_table() returns no key occurs twice.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/users/user_key.h"

namespace sfs {

inline constexpr std::size_t max_user_name = 64;  // SFS_MAXNAME
inline constexpr std::size_t max_table_size = 4 * 1024 * 1024;
inline constexpr std::size_t max_table_line = 1024;
inline constexpr std::size_t max_table_keys = 16 * 1024;

using date = std::chrono::sys_days;

// YYYY-MM-DD, of a day that there is.
std::optional<date> parse_date(std::string_view text);
std::string text_of(date day);

// Empty if it can be the name of an account: letters, digits and ._-@+$, not a '-' in front.
std::string why_no_user_name(std::string_view name);

struct table_entry {
  std::size_t line = 0;  // the first is 1
  std::string user;
  public_line key;  // with the comment
  std::optional<date> expires, revoked;

  std::string text() const;  // without a newline
};

// A failure says "NAME:LINE: why". One line that is wrong spoils the table: the line may be the one
// that revokes a key.
outcome<std::vector<table_entry>> parse_table(std::string_view text, const std::string& name);

}  // namespace sfs
