// See table_edit.h.
#include "examples/sfsd/users/table_edit.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/base/private_file.h"

namespace sfs {
namespace {

constexpr mode_t mode_of_new_tables = 0644;  // there is no secret in it

// A table that nobody else changes as long as this lives.
struct locked_table {
  fd_owner lock;
  std::string path;  // without symbolic links
  struct stat st;
  std::string text;
  std::vector<table_entry> entries;
};

// The file, locked. Another one may have taken its name by then.
outcome<fd_owner> open_and_lock(const std::string& path, bool make) {
  const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  fd_owner file{::open(path.c_str(), flags)};
  if (!file && errno == ENOENT && make) {
    if (std::string why = write_new_file(path, {}, mode_of_new_tables);
        !why.empty() && errno != EEXIST)
      return failure{std::move(why)};
    file = fd_owner(::open(path.c_str(), flags));
  }
  int locked = -1;
  while (file && (locked = ::flock(file.get(), LOCK_EX)) < 0 && errno == EINTR) continue;
  if (locked < 0) return failure{path + ": " + system_reason()};
  return file;
}

outcome<locked_table> lock_table(const std::string& name, bool make) {
  while (true) {
    auto lock = open_and_lock(name, make);
    if (!lock) return lock.as_failure();
    const std::unique_ptr<char, freed_by<std::free>> real(::realpath(name.c_str(), nullptr));
    struct stat st, now;
    if (!real || ::stat(real.get(), &now) < 0) {
      if (errno == ENOENT) continue;  // removed meanwhile
      return failure{name + ": " + system_reason()};
    }
    if (::fstat(lock->get(), &st) < 0) return failure{name + ": " + system_reason()};
    if (st.st_dev != now.st_dev || st.st_ino != now.st_ino) continue;  // replaced meanwhile
    const auto text = read_small_file(real.get(), max_table_size, allows_others::reading);
    if (!text) return text.as_failure();
    auto entries = parse_table(text->view(), name);
    if (!entries) return entries.as_failure();
    return locked_table{std::move(*lock), real.get(), st, std::string(text->view()),
                        std::move(*entries)};
  }
}

const table_entry* find(const locked_table& table, const ed25519_public& key) {
  const auto at = std::ranges::find(table.entries, key, [](const auto& e) { return e.key.key; });
  return at == table.entries.end() ? nullptr : &*at;
}

// Empty if the line says exactly what the entry does, and no comment is read as something else.
std::string why_no_line(const table_entry& entry, const std::string& path) {
  const auto read = parse_table(entry.text(), path);
  if (!read) return read.why();
  if (read->size() == 1 && read->front().key.comment == entry.key.comment) return {};
  return path + ": the comment \"" + entry.key.comment + "\" would be read as something else";
}

// Writes the new text, if it is one that a server would read.
std::string write(const locked_table& table, const std::string& text, const std::string& name) {
  if (text.size() > max_table_size) return name + ": there is no room for more";
  if (const auto good = parse_table(text, name); !good) return good.why();
  return replace_file(table.path, text, table.st);
}

}  // namespace

std::string register_key(const std::string& path, const std::string& user, const public_line& key,
                         std::optional<date> expires) {
  const table_entry entry{0, user, key, expires, {}};
  if (std::string why = why_no_line(entry, path); !why.empty()) return why;
  const auto table = lock_table(path, true);
  if (!table) return table.why();
  if (const table_entry* there = find(*table, key.key)) {
    const std::string line = path + ":" + std::to_string(there->line) + ": ";
    if (there->revoked) return line + "this key was revoked on " + text_of(*there->revoked);
    return line + "this key is there already, of " + there->user;
  }
  std::string text = table->text;
  if (!text.empty() && text.back() != '\n') text += '\n';
  return write(*table, text + entry.text() + "\n", path);
}

outcome<table_entry> revoke_key(const std::string& path, const ed25519_public& key, date day) {
  const auto table = lock_table(path, false);
  if (!table) return table.as_failure();
  const table_entry* there = find(*table, key);
  if (!there) return failure{path + ": this key is not in it"};
  if (there->revoked) return *there;
  table_entry revoked = *there;
  revoked.revoked = day;
  std::size_t begin = 0;
  for (std::size_t line = 1; line < there->line; ++line) begin = table->text.find('\n', begin) + 1;
  std::string text = table->text;
  text.replace(begin, std::min(text.find('\n', begin), text.size()) - begin, revoked.text());
  if (std::string why = write(*table, text, path); !why.empty()) return failure{std::move(why)};
  return revoked;
}

}  // namespace sfs
