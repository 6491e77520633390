// See revocation.h.
#include "examples/sfsd/users/revocation.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>

#include "examples/sfsd/base/base32.h"
#include "examples/sfsd/base/private_file.h"
#include "examples/sfsd/users/signed_message.h"

namespace sfs {
namespace {

constexpr std::string_view location_label = "location: ";
constexpr std::string_view key_label = "key: ";
constexpr std::string_view signature_label = "signature: ";

signed_message message_of(const server_location& location, const ed25519_public& key) {
  signed_message message("sfs-revoke-v1");
  message.text(location.text);
  message.fixed(subject_public_key_info(key));
  return message;
}

// Takes the next line, which must begin with the label, from the text.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view label) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(label)) return std::nullopt;
  const std::string_view line = text.substr(label.size(), end - label.size());
  text.remove_prefix(end + 1);
  return line;
}

standing unclear(const std::string& file, const std::string& why) {
  return {standing::is::unclear,
          file + " should be this server's revocation certificate and is none: " + why};
}

standing check_file(const hostid& server, const std::string& file) {
  errno = 0;
  const auto text = read_small_file(file, max_revocation, allows_others::anything);
  struct stat st;
  if (!text && errno == ENOENT && ::lstat(file.c_str(), &st) < 0 && errno == ENOENT) return {};
  if (!text)
    return {standing::is::unclear, "cannot tell whether this server is revoked: " + text.why()};
  const auto certificate = revocation::parse(text->view());
  if (!certificate) return unclear(file, certificate.why());
  if (!(certificate->id() == server))
    return unclear(file, "it revokes " + certificate->path().text());
  return {standing::is::revoked, certificate->path().text() +
                                     " is revoked: its owner says that its key must not be "
                                     "trusted any more (" +
                                     file + ")"};
}

}  // namespace

std::array<std::uint8_t, 44> subject_public_key_info(const ed25519_public& key) {
  // SEQUENCE { SEQUENCE { OBJECT IDENTIFIER 1.3.101.112 }, BIT STRING of 256 bits }
  std::array<std::uint8_t, 44> der{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                   0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
  std::ranges::copy(key, der.begin() + 12);
  return der;
}

revocation revocation::of(const server_key& key) {
  const ed25519_public public_key = public_half(key.pkey());
  return {key.location(), public_key,
          sign(key.pkey(), message_of(key.location(), public_key).bytes())};
}

outcome<revocation> revocation::parse(std::string_view text) {
  const auto word = take_line(text, revocation_word);
  const auto where = take_line(text, location_label);
  const auto key_text = take_line(text, key_label);
  const auto signature_text = take_line(text, signature_label);
  if (!word || !word->empty() || !where || !key_text || !signature_text || !text.empty())
    return failure{"it is no revocation certificate"};
  auto location = server_location::parse(*where);
  if (!location) return location.as_failure();
  ed25519_public key;
  ed25519_signature signature;
  if (!from_base32(*key_text, key) || !from_base32(*signature_text, signature))
    return failure{"its key or signature is not base32 of the right length"};
  if (!verify(key, message_of(*location, key).bytes(), signature))
    return failure{"its signature is not by the key that it names"};
  return revocation(std::move(*location), key, signature);
}

std::string revocation::text() const {
  std::string text(revocation_word);
  text.append("\n").append(location_label).append(location_.text);
  text.append("\n").append(key_label).append(base32(key_));
  text.append("\n").append(signature_label).append(base32(signature_)).append("\n");
  return text;
}

hostid revocation::id() const { return hostid::of(location_.text, subject_public_key_info(key_)); }

standing check_revocation(const hostid& server, const std::vector<std::string>& directories) {
  standing worst;
  for (const std::string& directory : directories) {
    standing here = check_file(server, directory + "/" + server.text());
    if (here.state == standing::is::revoked) return here;
    if (!here) worst = std::move(here);
  }
  return worst;
}

std::vector<std::string> default_revocation_directories() {
  std::vector<std::string> directories;
  const char* config = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  if (config && *config == '/')
    directories.push_back(std::string(config) + "/sfs/revoked");
  else if (home && *home == '/')
    directories.push_back(std::string(home) + "/.config/sfs/revoked");
  directories.push_back("/etc/sfs/revoked");
  return directories;
}

}  // namespace sfs
