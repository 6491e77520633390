// Key files: one line that says whose key it is, then the private Ed25519 key in PEM (PKCS #8).
// With a passphrase the key is encrypted: PBES2 with scrypt (N = 16384, r = 8, p = 5: 16 MiB and
// some tenths of a second for each guess) and AES-256-CBC. What is loaded may have been encrypted
// in any way that OpenSSL knows. Serves no stage; it blocks, and belongs in a program's start.
//
//     Location: localhost
//     -----BEGIN PRIVATE KEY-----
//     ...
//
// Thread safety: functions without shared state.
// Invariants: a key file is read only if nobody but its owner may read or write it; OpenSSL never
// asks for a passphrase itself; the text of a key is wiped.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/base/secret_text.h"

namespace sfs {

inline constexpr std::string_view server_key_label = "Location: ", user_key_label = "User: ";

// Where the passphrase of an encrypted key comes from. It is asked only if one is needed, and once.
using passphrase_source = std::function<outcome<secret_text>()>;

inline constexpr std::size_t max_passphrase = 1024;

struct key_file {
  std::string about;  // what follows the label in the first line
  pkey_owner key;
};

// Why what begins like this is no key file with that label: it may be the other kind's.
std::string why_no_key_file(std::string_view text, std::string_view label);

// Reads a key file whose first line begins with one of the labels.
outcome<key_file> load_key_file(const std::string& path, std::string_view label,
                                const passphrase_source& passphrase = nullptr);

// Writes a new key file with mode 0600, encrypted unless the passphrase is empty. Empty if it was
// written; else why not.
std::string save_key_file(const std::string& path, std::string_view label, std::string_view about,
                          EVP_PKEY* key, std::string_view passphrase = {});

}  // namespace sfs
