// See user_table.h.
#include "examples/sfsd/users/user_table.h"

namespace sfs {

user_table::account_source user_table::remembering(std::shared_ptr<const user_table> before,
                                                   account_source accounts) {
  return [before = std::move(before),
          accounts = std::move(accounts)](const std::string& name) -> outcome<std::optional<user>> {
    auto account = accounts(name);
    if (account || !before) return account;
    const auto known = before->users_.find(name);
    if (known == before->users_.end() || !known->second) return account;
    return std::optional(*known->second);
  };
}

outcome<std::shared_ptr<const user_table>> user_table::load(const std::string& path,
                                                            const account_source& accounts) {
  file_version file;
  const auto text = read_small_file(path, max_table_size, allows_others::reading, &file);
  if (!text) return text.as_failure();
  auto table = make(text->view(), path, accounts);
  if (!table) return table.as_failure();
  (*table)->path_ = path;
  (*table)->file_ = file;
  return std::shared_ptr<const user_table>(std::move(*table));
}

outcome<std::shared_ptr<const user_table>> user_table::parse(std::string_view text,
                                                             const std::string& name,
                                                             const account_source& accounts) {
  auto table = make(text, name, accounts);
  if (!table) return table.as_failure();
  return std::shared_ptr<const user_table>(std::move(*table));
}

outcome<std::shared_ptr<user_table>> user_table::make(std::string_view text,
                                                      const std::string& name,
                                                      const account_source& accounts) {
  auto lines = parse_table(text, name);
  if (!lines) return lines.as_failure();
  std::shared_ptr<user_table> table(new user_table);
  for (table_entry& line : *lines) table->add(std::move(line), name, accounts);
  return table;
}

void user_table::add(table_entry line, const std::string& name, const account_source& accounts) {
  if (line.revoked) {  // whether or not the account is still there
    keys_[line.key.key] = {nullptr, {}, true};
    return;
  }
  const auto warn = [&](const std::string& why) {
    warnings_.push_back(name + ":" + std::to_string(line.line) + ": " + line.user + ": " + why);
  };
  auto known = users_.find(line.user);
  if (known == users_.end()) {
    auto account = accounts(line.user);
    if (!account) return warn(account.why());  // tried again for his next key
    auto who = *account ? std::make_shared<const user>(std::move(**account)) : nullptr;
    known = users_.emplace(line.user, std::move(who)).first;
  }
  if (!known->second) return warn("there is no such account; this key is not used");
  keys_[line.key.key] = {known->second, line.expires, false};
}

lookup user_table::find(const ed25519_public& key,
                        std::chrono::system_clock::time_point now) const {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return {nullptr, refusal::unknown};
  const entry& e = found->second;
  if (e.revoked) return {nullptr, refusal::revoked};
  if (e.expires && std::chrono::floor<std::chrono::days>(now) > *e.expires)
    return {nullptr, refusal::expired};
  return {e.who, refusal::none};
}

bool user_table::is_stale() const {
  struct stat st;
  return ::stat(path_.c_str(), &st) < 0 || !(file_version::of(st) == file_);
}

}  // namespace sfs
