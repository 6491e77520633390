// The server's long-lived Ed25519 key: making it, its file, and what is derived from it. Serves no
// stage of its own; all of it may block and belongs in a program's start.
//
// The file (base/key_file.h) begins with the line "Location: LOCATION" and is not encrypted: a
// server starts when nobody is there to type.
//
// Thread safety: a server_key is constant once made.
// Invariant: the private key is in the file and in this object, never in anything that is printed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/base/secret.h"
#include "examples/sfsd/channel/hostid.h"

namespace sfs {

class server_key {
 public:
  // A new key for a server at this location.
  static outcome<server_key> generate(const server_location& location);

  // Reads a key file. Fails if others than its owner may read or write it.
  static outcome<server_key> load(const std::string& path);

  // Writes the key to a new file with mode 0600. Empty if it was written; else why not (an existing
  // file is never overwritten).
  std::string save(const std::string& path) const;

  const server_location& location() const noexcept { return location_; }
  sfs::hostid id() const;
  self_certifying_path path() const { return {location_, id(), {}}; }
  EVP_PKEY* pkey() const noexcept { return pkey_.get(); }

  // A key for another purpose, the same each time for the same label: what is sealed with it (file
  // handles) stays good when the server restarts.
  secret32 derive(std::string_view label) const;

 private:
  server_key(pkey_owner pkey, server_location location)
      : pkey_(std::move(pkey)), location_(std::move(location)) {}

  pkey_owner pkey_;
  server_location location_;
};

// A public key's SubjectPublicKeyInfo in DER; empty if OpenSSL cannot say it.
std::vector<std::uint8_t> subject_public_key_info(EVP_PKEY* key);

// A certificate that the key signs for itself. Nobody trusts it for what it says: it only carries
// the public key through TLS, so its dates are wide and its name says nothing.
x509_owner self_signed(EVP_PKEY* key);

}  // namespace sfs
