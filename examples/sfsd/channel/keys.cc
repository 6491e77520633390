// See keys.h.
#include "examples/sfsd/channel/keys.h"

#include "examples/sfsd/base/ed25519.h"
#include "examples/sfsd/base/key_file.h"
#include "examples/sfsd/channel/kdf.h"

namespace sfs {

outcome<server_key> server_key::generate(const server_location& location) {
  auto key = new_ed25519_key();
  if (!key) return key.as_failure();
  return server_key(std::move(*key), location);
}

outcome<server_key> server_key::load(const std::string& path) {
  auto file = load_key_file(path, server_key_label);
  if (!file) return file.as_failure();
  auto location = server_location::parse(file->about);
  if (!location) return failure{path + ": " + location.why()};
  return server_key(std::move(file->key), std::move(*location));
}

std::string server_key::save(const std::string& path) const {
  return save_key_file(path, server_key_label, location_.text, pkey_.get());
}

hostid server_key::id() const {
  return hostid::of(location_.text, subject_public_key_info(pkey_.get()));
}

secret32 server_key::derive(std::string_view label) const {
  secret32 raw, derived;
  std::size_t size = raw.span().size();
  if (EVP_PKEY_get_raw_private_key(pkey_.get(), raw.span().data(), &size) != 1)
    openssl_broken("reading a private key");
  hkdf_expand(raw.span(), label, derived.span());
  return derived;
}

std::vector<std::uint8_t> subject_public_key_info(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return {};
  std::vector<std::uint8_t> copy(der, der + size);
  OPENSSL_free(der);
  return copy;
}

x509_owner self_signed(EVP_PKEY* key) {
  x509_owner certificate{X509_new()};
  X509* c = certificate.get();
  if (!c || X509_set_version(c, X509_VERSION_3) != 1 ||
      ASN1_INTEGER_set(X509_get_serialNumber(c), 1) != 1 ||
      ASN1_TIME_set_string_X509(X509_getm_notBefore(c), "20000101000000Z") != 1 ||
      ASN1_TIME_set_string_X509(X509_getm_notAfter(c), "99991231235959Z") != 1 ||
      X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>("sfs"), 3, -1, 0) != 1 ||
      X509_set_issuer_name(c, X509_get_subject_name(c)) != 1 || X509_set_pubkey(c, key) != 1 ||
      X509_sign(c, key, nullptr) <= 0)
    openssl_broken("making a certificate");
  return certificate;
}

}  // namespace sfs
