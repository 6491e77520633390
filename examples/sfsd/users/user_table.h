// The server's table of users: whose key this is, and what account he has here. A value that is
// made whole from a file (table_lines.h says how it is written) and then only asked; when the file
// has changed, a new one takes its place.
//
//   auto table = user_table::load("/etc/sfs/users");
//   if (!table) fatal(table.why());
//   for (const std::string& w : (*table)->warnings()) warn(w);
//   ...
//   if (!verify_login(key, statement, signature)) refuse();
//   const lookup l = (*table)->find(key, std::chrono::system_clock::now());
//   if (l.who) ...
//   ...
//   if ((*table)->is_stale()) ...load() again; what is in use stays if that fails
//
// Thread safety: constant once made; any number of threads may ask one. Making one, and is_stale(),
// may block.
// Invariants: each key is found at most once; a user that was found stays what he was, also when
// the table is replaced, as long as somebody holds him.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "examples/sfsd/base/ed25519.h"
#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/base/private_file.h"
#include "examples/sfsd/users/account.h"
#include "examples/sfsd/users/table_lines.h"

namespace sfs {

enum class refusal { none, unknown, expired, revoked };

struct lookup {
  std::shared_ptr<const user> who;  // null if there is nobody
  refusal why = refusal::unknown;   // for the operator; a stranger is told nothing of it
};

class user_table {
 public:
  using account_source = std::function<outcome<std::optional<user>>(const std::string& name)>;

  // Accounts as `accounts` says, or, where nobody can tell now, as they were when `before` was
  // read: a directory that does not answer takes no user's rights away. `before` may be null.
  static account_source remembering(std::shared_ptr<const user_table> before,
                                    account_source accounts = system_account);

  // Reads a file that nobody but its owner may write, and he is root or who runs us. Each account
  // is looked up once.
  static outcome<std::shared_ptr<const user_table>> load(
      const std::string& path, const account_source& accounts = system_account);

  // The same for a text; `name` is what errors call it.
  static outcome<std::shared_ptr<const user_table>> parse(
      std::string_view text, const std::string& name,
      const account_source& accounts = system_account);

  lookup find(const ed25519_public& key, std::chrono::system_clock::time_point now) const;

  // "FILE:LINE: why" for each key that is not used because its account is not known.
  const std::vector<std::string>& warnings() const noexcept { return warnings_; }

  std::size_t size() const noexcept { return keys_.size(); }

  // Whether the file is not the one that was read, or no longer as it was, or cannot be looked at.
  bool is_stale() const;

 private:
  struct entry {
    std::shared_ptr<const user> who;
    std::optional<date> expires;
    bool revoked = false;
  };

  user_table() = default;
  static outcome<std::shared_ptr<user_table>> make(std::string_view text, const std::string& name,
                                                   const account_source& accounts);
  void add(table_entry line, const std::string& name, const account_source& accounts);

  std::map<ed25519_public, entry> keys_;
  std::map<std::string, std::shared_ptr<const user>> users_;  // null: tried, and not usable
  std::vector<std::string> warnings_;
  std::string path_;
  file_version file_;
};

}  // namespace sfs
