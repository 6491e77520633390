// See key_file.h.
#include "examples/sfsd/base/key_file.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <algorithm>
#include <optional>

#include "examples/sfsd/base/private_file.h"

namespace sfs {
namespace {

using algorithm_owner = std::unique_ptr<X509_ALGOR, freed_by<X509_ALGOR_free>>;
using encrypted_owner = std::unique_ptr<X509_SIG, freed_by<X509_SIG_free>>;
using pkcs8_owner = std::unique_ptr<PKCS8_PRIV_KEY_INFO, freed_by<PKCS8_PRIV_KEY_INFO_free>>;

constexpr std::size_t max_key_file = 4096;
constexpr int salt_size = 16;
constexpr std::uint64_t scrypt_n = 16384, scrypt_r = 8, scrypt_p = 5;

// What OpenSSL's question for a passphrase is answered from.
struct asked {
  const passphrase_source& source;
  std::optional<outcome<secret_text>> answer;
};

int answer_openssl(char* buffer, int size, int, void* state) {
  auto& a = *static_cast<asked*>(state);
  if (!a.answer)
    a.answer.emplace(a.source ? a.source() : failure{"it is encrypted with a passphrase"});
  if (!*a.answer) return -1;
  const std::string_view text = (*a.answer)->view();
  if (text.size() > static_cast<std::size_t>(size)) return -1;
  std::ranges::copy(text, buffer);
  return static_cast<int>(text.size());
}

bool write_encrypted(BIO* to, EVP_PKEY* key, std::string_view passphrase) {
  pkcs8_owner plain{EVP_PKEY2PKCS8(key)};
  algorithm_owner how{PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, salt_size, nullptr,
                                            scrypt_n, scrypt_r, scrypt_p)};
  if (!plain || !how) return false;
  const encrypted_owner sealed{PKCS8_set0_pbe(
      passphrase.data(), static_cast<int>(passphrase.size()), plain.get(), how.get())};
  if (!sealed) return false;
  (void)how.release();  // it is part of `sealed` now
  return PEM_write_bio_PKCS8(to, sealed.get()) == 1;
}

}  // namespace

std::string why_no_key_file(std::string_view text, std::string_view label) {
  if (label != server_key_label && text.starts_with(server_key_label))
    return "this is a server's key, and a user's is needed (sfskey gen --user makes one)";
  if (label != user_key_label && text.starts_with(user_key_label))
    return "this is a user's key, and a server's is needed (sfskey gen makes one)";
  return "not a key file made by sfskey gen";
}

outcome<key_file> load_key_file(const std::string& path, std::string_view label,
                                const passphrase_source& passphrase) {
  const auto text = read_small_file(path, max_key_file, allows_others::nothing);
  if (!text) return text.as_failure();
  const std::string_view all = text->view();
  const std::size_t end = all.find('\n');
  if (!all.starts_with(label) || end == std::string_view::npos)
    return failure{path + ": " + why_no_key_file(all, label)};
  const bio_owner pem{
      BIO_new_mem_buf(all.data() + end + 1, static_cast<int>(all.size() - end - 1))};
  asked question{passphrase, {}};
  pkey_owner key{pem ? PEM_read_bio_PrivateKey(pem.get(), nullptr, answer_openssl, &question)
                     : nullptr};
  const std::string reason = key ? std::string() : openssl_reason();
  if (!key && question.answer && !*question.answer)
    return failure{path + ": " + question.answer->why()};
  if (!key && question.answer) return failure{path + ": the passphrase is wrong"};
  if (!key) return failure{path + ": not a private key: " + reason};
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519)
    return failure{path + ": not an Ed25519 key"};
  return key_file{std::string(all.substr(label.size(), end - label.size())), std::move(key)};
}

std::string save_key_file(const std::string& path, std::string_view label, std::string_view about,
                          EVP_PKEY* key, std::string_view passphrase) {
  const bio_owner file{BIO_new(BIO_s_secmem())};
  const std::string first = std::string(label).append(about) + "\n";
  const bool made =
      file && passphrase.size() <= max_passphrase && BIO_puts(file.get(), first.c_str()) > 0 &&
      (passphrase.empty()
           ? PEM_write_bio_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1
           : write_encrypted(file.get(), key, passphrase));
  if (!made) return path + ": cannot write the key: " + openssl_reason();
  char* begin = nullptr;
  const auto size = static_cast<std::size_t>(BIO_get_mem_data(file.get(), &begin));
  return write_new_file(path, {begin, size}, 0600);
}

}  // namespace sfs
