// What the tests of users share: keys that are the same each time, and files of them.
//
// Serves no stage of its own. Thread safety: functions without shared state.
#pragma once

#include <openssl/evp.h>

#include <string>

#include "examples/sfsd/users/login.h"
#include "examples/sfsd/users/user_key.h"
#include "tests/sfsd/support.h"

namespace sfs::test {

inline user_key new_user_key(const std::string& comment = "") {
  return std::move(*user_key::generate(comment));
}

// A private key with this seed in PEM: RFC 8410's PKCS #8 has 16 bytes before it.
inline std::string pem_of_seed(std::string_view seed_hex) {
  const byte_string der = from_hex("302e020100300506032b657004220420" + std::string(seed_hex));
  std::string text(4 * ((der.size() + 2) / 3) + 1, '\0');
  text.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<std::uint8_t*>(text.data()),
                                                       der.data(), static_cast<int>(der.size()))));
  return "-----BEGIN PRIVATE KEY-----\n" + text + "\n-----END PRIVATE KEY-----\n";
}

inline std::string private_file(const scratch_directory& scratch, const std::string& name,
                                std::string_view content) {
  const std::string path = scratch.file(name, content);
  ::chmod(path.c_str(), 0600);
  return path;
}

inline session_id session_of(std::uint8_t fill) {
  session_id id;
  id.fill(fill);
  return id;
}

}  // namespace sfs::test
