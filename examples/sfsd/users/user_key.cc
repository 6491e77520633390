// See user_key.h.
#include "examples/sfsd/users/user_key.h"

#include "examples/sfsd/base/base32.h"
#include "examples/sfsd/base/private_file.h"
#include "examples/sfsd/base/shown.h"

namespace sfs {
namespace {

constexpr std::size_t max_key_file = 4096;

}  // namespace

std::string why_no_comment(std::string_view text) {
  if (text.size() > max_comment) return "a comment has at most 128 bytes";
  if (text.starts_with(' ') || text.ends_with(' '))
    return "a comment neither begins nor ends with a space";
  // What shown() changes could control a terminal, or be more than one line.
  if (shown(text) != text) return "a comment is printable text without a backslash";
  return {};
}

outcome<ed25519_public> parse_user_key(std::string_view text) {
  ed25519_public key;
  if (!from_base32(text, key))
    return failure{"a key is written as 52 characters from a to z and 2 to 7, the last a or q"};
  if (!is_ed25519_key(key)) return failure{"these are not the bytes of an Ed25519 key"};
  return key;
}

outcome<public_line> public_line::parse(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (!text.starts_with(public_line_word) || !text.substr(public_line_word.size()).starts_with(' '))
    return failure{"a public key is a line \"sfs-ed25519 KEY COMMENT\""};
  text.remove_prefix(public_line_word.size() + 1);
  const std::size_t space = text.find(' ');
  auto key = parse_user_key(text.substr(0, space));
  if (!key) return key.as_failure();
  public_line line{*key, {}};
  if (space != std::string_view::npos) {
    line.comment = text.substr(space + 1);
    if (line.comment.empty()) return failure{"there is a space behind the key and no comment"};
  }
  if (std::string why = why_no_comment(line.comment); !why.empty()) return failure{std::move(why)};
  return line;
}

std::string public_line::text() const {
  std::string line = std::string(public_line_word) + " " + base32(key);
  if (!comment.empty()) line += " " + comment;
  return line;
}

outcome<user_key> user_key::generate(std::string comment) {
  if (std::string why = why_no_comment(comment); !why.empty()) return failure{std::move(why)};
  auto key = new_ed25519_key();
  if (!key) return key.as_failure();
  return user_key(std::move(*key), std::move(comment));
}

outcome<user_key> user_key::load(const std::string& path, const passphrase_source& passphrase) {
  auto file = load_key_file(path, user_key_label, passphrase);
  if (!file) return file.as_failure();
  auto line = public_line::parse(file->about);
  if (!line) return failure{path + ": " + line.why()};
  user_key key(std::move(file->key), std::move(line->comment));
  if (key.who_.key != line->key) return failure{path + ": its first line is of another key"};
  return key;
}

outcome<public_line> user_key::load_public(const std::string& path) {
  const auto text = read_small_file(path, max_key_file, allows_others::nothing);
  if (!text) return text.as_failure();
  const std::string_view first = text->view().substr(0, text->view().find('\n'));
  if (!first.starts_with(user_key_label))
    return failure{path + ": " + why_no_key_file(first, user_key_label)};
  auto line = public_line::parse(first.substr(user_key_label.size()));
  if (!line) return failure{path + ": " + line.why()};
  return line;
}

std::string user_key::save(const std::string& path, std::string_view passphrase) const {
  return save_key_file(path, user_key_label, who_.text(), pkey_.get(), passphrase);
}

}  // namespace sfs
