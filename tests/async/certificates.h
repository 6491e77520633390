// Certificates for the tests of TLS, made on the spot, in a directory that goes with its object.
//
// Serves no stage. Thread-safety: none.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "async/tls.h"

namespace async::test {

class certificates {
 public:
  certificates() {
    char name[] = "/tmp/async_tls_test.XXXXXX";
    if (mkdtemp(name) == nullptr) std::abort();
    directory_ = name;
    authority_key_ = EVP_EC_gen("P-256");
    authority_ = make("authority", "", authority_key_);
    write("authority.pem", authority_, nullptr);
  }
  ~certificates() {
    X509_free(authority_);
    EVP_PKEY_free(authority_key_);
    std::filesystem::remove_all(directory_);
  }
  certificates(const certificates&) = delete;

  std::string authority() const { return directory_ / "authority.pem"; }

  // A certificate for `name`, made now, under this file name.
  tls_identity identity(const std::string& name, const std::string& file) {
    EVP_PKEY* const key = EVP_EC_gen("P-256");
    X509* const made = make(name, "DNS:" + name, key);
    write(file + ".pem", made, nullptr);
    write(file + ".key", nullptr, key);
    X509_free(made);
    EVP_PKEY_free(key);
    return {directory_ / (file + ".pem"), directory_ / (file + ".key")};
  }
  void spoil(const std::string& path) const { std::ofstream(path) << "not a certificate\n"; }

 private:
  X509* make(const std::string& subject, const std::string& alternative, EVP_PKEY* key) {
    X509* const made = X509_new();
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(authority_ ? authority_ : made));
    const auto extend = [made](int what, const std::string& value) {
      X509_EXTENSION* const e = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
      X509_add_ext(made, e, -1);
      X509_EXTENSION_free(e);
    };
    extend(NID_basic_constraints, alternative.empty() ? "critical,CA:TRUE" : "CA:FALSE");
    if (!alternative.empty()) extend(NID_subject_alt_name, alternative);
    X509_sign(made, authority_key_, EVP_sha256());
    return made;
  }
  void write(const std::string& name, X509* certificate, EVP_PKEY* key) const {
    std::FILE* const file = std::fopen((directory_ / name).c_str(), "w");
    if (file == nullptr) std::abort();
    if (certificate != nullptr) PEM_write_X509(file, certificate);
    if (key != nullptr) PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
  }

  std::filesystem::path directory_;
  EVP_PKEY* authority_key_ = nullptr;
  X509* authority_ = nullptr;
  long serial_ = 0;
};

}  // namespace async::test
