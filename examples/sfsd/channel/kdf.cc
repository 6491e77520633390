// See kdf.h.
#include "examples/sfsd/channel/kdf.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "examples/sfsd/base/openssl.h"

namespace sfs {

void hkdf_expand(const_bytes secret, std::string_view label, bytes out) {
  static const kdf_owner hkdf{EVP_KDF_fetch(nullptr, "HKDF", nullptr)};
  const kdf_context context{EVP_KDF_CTX_new(hkdf.get())};
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  char digest[] = "SHA256";
  // OpenSSL only reads these two, though its parameters are not const.
  auto* key = const_cast<std::uint8_t*>(secret.data());
  auto* info = const_cast<char*>(label.data());
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key, secret.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, label.size()),
      OSSL_PARAM_construct_end()};
  if (!context || EVP_KDF_derive(context.get(), out.data(), out.size(), params) != 1)
    openssl_broken("deriving a key");
}

}  // namespace sfs
