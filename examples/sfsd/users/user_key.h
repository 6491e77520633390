// A user's Ed25519 key: what names him to servers. Making it, its file, its public line. Serves no
// stage of its own; making, loading and saving may block and belong in a program's start.
//
//     public line = "sfs-ed25519" SP KEY [SP COMMENT]      KEY = base32 of the 32 bytes
//     key file    = base/key_file.h, first line "User: " and the public line; perhaps encrypted
//
// A COMMENT is printable text of up to 128 bytes that neither begins nor ends with a space. It
// helps people to tell keys from each other and means nothing.
//
// Thread safety: values; a user_key is constant once made.
// Invariants: a public_line holds a key that somebody can have (is_ed25519_key) and is printed as
// one line; a private key is in its file and in the user_key, never in anything that is printed.
#pragma once

#include <string>
#include <string_view>

#include "examples/sfsd/base/ed25519.h"
#include "examples/sfsd/base/key_file.h"
#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/base/outcome.h"

namespace sfs {

inline constexpr std::string_view public_line_word = "sfs-ed25519";
inline constexpr std::size_t max_comment = 128;
inline constexpr std::size_t max_public_line = 256;

// Empty if it can be a comment; else why not.
std::string why_no_comment(std::string_view text);

// KEY, as it is in a public line.
outcome<ed25519_public> parse_user_key(std::string_view base32_text);

struct public_line {
  ed25519_public key{};
  std::string comment;

  // Takes exactly one line, with or without a newline behind it.
  static outcome<public_line> parse(std::string_view text);
  std::string text() const;  // without a newline
};

class user_key {
 public:
  static outcome<user_key> generate(std::string comment);

  // Reads a key file. Fails if others than its owner may read or write it, or if its first line is
  // of another key.
  static outcome<user_key> load(const std::string& path,
                                const passphrase_source& passphrase = nullptr);

  // The public line of a key file, for which no passphrase is needed. Only load() proves it.
  static outcome<public_line> load_public(const std::string& path);

  // Writes the key to a new file with mode 0600, encrypted unless the passphrase is empty. Empty if
  // it was written; else why not.
  std::string save(const std::string& path, std::string_view passphrase = {}) const;

  const public_line& who() const noexcept { return who_; }
  ed25519_signature sign(const_bytes message) const { return sfs::sign(pkey_.get(), message); }

 private:
  user_key(pkey_owner pkey, std::string comment)
      : pkey_(std::move(pkey)), who_{public_half(pkey_.get()), std::move(comment)} {}

  pkey_owner pkey_;
  public_line who_;
};

}  // namespace sfs
