// Owners for OpenSSL's objects, and what is done when OpenSSL itself fails. Serves no stage of its
// own.
//
// In a program that has this linked in, all memory that OpenSSL frees is wiped first: libssl 3.0
// leaves the secrets of a TLS connection in the memory of the SSL object, and who finds them there
// can make the channel's first keys again, however often these were ratcheted.
//
// Thread safety: an owner is used by one thread at a time, like the object it owns.
// Invariant: an owner that is not null frees its object exactly once.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "examples/sfsd/base/bytes.h"

namespace sfs {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};

using bio_owner = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, freed_by<EVP_CIPHER_CTX_free>>;
using cipher_owner = std::unique_ptr<EVP_CIPHER, freed_by<EVP_CIPHER_free>>;
using digest_context = std::unique_ptr<EVP_MD_CTX, freed_by<EVP_MD_CTX_free>>;
using kdf_context = std::unique_ptr<EVP_KDF_CTX, freed_by<EVP_KDF_CTX_free>>;
using kdf_owner = std::unique_ptr<EVP_KDF, freed_by<EVP_KDF_free>>;
using pkey_owner = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using ssl_context = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using ssl_owner = std::unique_ptr<SSL, freed_by<SSL_free>>;
using x509_owner = std::unique_ptr<X509, freed_by<X509_free>>;

// The reason that OpenSSL last gave on this thread, in words; its queue of errors is emptied.
std::string openssl_reason();

// Ends the program: OpenSSL could not do what only a lack of memory or a broken library keeps it
// from. Going on without would mean to send plain text or to accept what was not checked.
[[noreturn]] void openssl_broken(const char* doing) noexcept;

// Fills it with bytes that nobody can guess.
void fill_randomly(bytes to) noexcept;

// A number of any unsigned type that nobody can guess.
template <class T>
T random_number() noexcept {
  T n;
  fill_randomly({reinterpret_cast<std::uint8_t*>(&n), sizeof n});
  return n;
}

}  // namespace sfs
