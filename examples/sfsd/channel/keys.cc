// See keys.h.
#include "examples/sfsd/channel/keys.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <cerrno>

#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/channel/kdf.h"

namespace sfs {
namespace {

constexpr std::string_view location_line = "Location: ";
constexpr std::size_t max_key_file = 4096;

// The whole of a small file that only its owner may touch.
outcome<std::string> read_private_file(const std::string& path) {
  const fd_owner file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat st;
  if (!file || ::fstat(file.get(), &st) < 0) return failure{path + ": " + system_reason()};
  if (!S_ISREG(st.st_mode)) return failure{path + ": not a regular file"};
  if ((st.st_mode & 077) != 0)
    return failure{path + ": others may read or write this key; chmod 600 it"};
  std::string text(max_key_file + 1, '\0');
  const ssize_t n = ::read(file.get(), text.data(), text.size());
  if (n < 0) return failure{path + ": " + system_reason()};
  if (static_cast<std::size_t>(n) > max_key_file) return failure{path + ": not a key file"};
  text.resize(static_cast<std::size_t>(n));
  return text;
}

bool write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

outcome<server_key> server_key::generate(const server_location& location) {
  pkey_owner key{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  if (!key) return failure{"cannot make a key: " + openssl_reason()};
  return server_key(std::move(key), location);
}

outcome<server_key> server_key::load(const std::string& path) {
  auto text = read_private_file(path);
  if (!text) return text.as_failure();
  const std::size_t end = text->find('\n');
  if (!text->starts_with(location_line) || end == std::string::npos) {
    OPENSSL_cleanse(text->data(), text->size());
    return failure{path + ": not a key file made by sfskey gen"};
  }
  auto location = server_location::parse(
      std::string_view(*text).substr(location_line.size(), end - location_line.size()));
  const bio_owner pem{BIO_new_mem_buf(text->data(), static_cast<int>(text->size()))};
  // An empty password, so that OpenSSL never asks on the terminal.
  char no_password[] = "";
  pkey_owner key{pem ? PEM_read_bio_PrivateKey(pem.get(), nullptr, nullptr, no_password) : nullptr};
  OPENSSL_cleanse(text->data(), text->size());
  if (!location) return failure{path + ": " + location.why()};
  if (!key) return failure{path + ": not a private key: " + openssl_reason()};
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519)
    return failure{path + ": not an Ed25519 key"};
  return server_key(std::move(key), std::move(*location));
}

std::string server_key::save(const std::string& path) const {
  const bio_owner pem{BIO_new(BIO_s_secmem())};
  char* begin = nullptr;
  if (!pem ||
      PEM_write_bio_PrivateKey(pem.get(), pkey_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return path + ": cannot write the key: " + openssl_reason();
  const auto size = static_cast<std::size_t>(BIO_get_mem_data(pem.get(), &begin));
  const fd_owner file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!file) return path + ": " + system_reason();
  const std::string first = std::string(location_line) + location_.text + "\n";
  // The mode is set again because a strange umask may have taken the owner's rights away.
  if (::fchmod(file.get(), 0600) < 0 || !write_all(file.get(), first) ||
      !write_all(file.get(), {begin, size}) || ::fsync(file.get()) < 0) {
    const std::string why = path + ": " + system_reason();
    ::unlink(path.c_str());
    return why;
  }
  return {};
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
