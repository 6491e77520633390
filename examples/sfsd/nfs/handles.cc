// See handles.h.
#include "examples/sfsd/nfs/handles.h"

#include <openssl/evp.h>

namespace sfs {
namespace {

// Tag (16), then the encrypted content: version (4), export (4), run (8), node (8).
constexpr std::size_t tag_size = 16, content_size = sealed_handle_size - tag_size;
constexpr std::uint32_t version = 1;

}  // namespace

handle_sealer::handle_sealer(secret32 key)
    : cipher_(EVP_CIPHER_fetch(nullptr, "AES-128-SIV", nullptr)), key_(std::move(key)) {
  if (!cipher_) openssl_broken("looking for AES-SIV");
}

// OpenSSL 3.0 does not reset an SIV context for a second message, so each has its own. This is not
// on the path of READs: a client's open files are found by the sealed handle.
cipher_context handle_sealer::keyed(bool sealing) const {
  cipher_context c{EVP_CIPHER_CTX_new()};
  if (!c || EVP_CipherInit_ex2(c.get(), cipher_.get(), key_.span().data(), nullptr, sealing,
                               nullptr) != 1)
    openssl_broken("keying a file handle");
  return c;
}

sealed_handle handle_sealer::seal(const handle_content& content) const {
  std::uint8_t plain[content_size];
  store_be32(plain, version);
  store_be32(plain + 4, content.export_id);
  store_be64(plain + 8, content.run);
  store_be64(plain + 16, content.node);
  sealed_handle sealed;
  int n = 0;
  const cipher_context c = keyed(true);
  if (EVP_EncryptUpdate(c.get(), sealed.data() + tag_size, &n, plain, content_size) != 1 ||
      EVP_EncryptFinal_ex(c.get(), sealed.data() + tag_size + n, &n) != 1 ||
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, sealed.data()) != 1)
    openssl_broken("sealing a file handle");
  return sealed;
}

std::optional<handle_content> handle_sealer::open(const_bytes handle) const {
  if (handle.size() != sealed_handle_size) return std::nullopt;
  sealed_handle copy;
  std::memcpy(copy.data(), handle.data(), copy.size());
  std::uint8_t plain[content_size];
  int n = 0;
  const cipher_context c = keyed(false);
  if (EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, copy.data()) != 1 ||
      EVP_DecryptUpdate(c.get(), plain, &n, copy.data() + tag_size, content_size) != 1 ||
      load_be32(plain) != version)
    return std::nullopt;
  return handle_content{load_be32(plain + 4), load_be64(plain + 8), load_be64(plain + 16)};
}

}  // namespace sfs
