// See handles.h.
#include "examples/sfsd/nfs/handles.h"

#include <openssl/evp.h>

namespace sfs {
namespace {

constexpr std::size_t tag_size = 16, head_size = 8;
constexpr std::uint32_t version = 2;
static_assert(tag_size + head_size + inner_handle::max_bytes == max_sealed_handle);

cipher_context keyed(EVP_CIPHER* cipher, const secret32& key, bool sealing) {
  cipher_context c{EVP_CIPHER_CTX_new()};
  if (!c || EVP_CipherInit_ex2(c.get(), cipher, key.span().data(), nullptr, sealing, nullptr) != 1)
    openssl_broken("keying file handles");
  return c;
}

// OpenSSL 3.0 does not reset an SIV context for a second message, so each has its own copy of one
// that is keyed.
cipher_context copy_of(const cipher_context& original) {
  cipher_context c{EVP_CIPHER_CTX_new()};
  if (!c || EVP_CIPHER_CTX_copy(c.get(), original.get()) != 1)
    openssl_broken("preparing a file handle");
  return c;
}

}  // namespace

handle_sealer::handle_sealer(const secret32& key) {
  const cipher_owner cipher{EVP_CIPHER_fetch(nullptr, "AES-128-SIV", nullptr)};
  if (!cipher) openssl_broken("looking for AES-SIV");
  sealing_ = keyed(cipher.get(), key, true);
  opening_ = keyed(cipher.get(), key, false);
}

sealed_handle handle_sealer::seal(const inner_handle& content) const {
  std::uint8_t plain[head_size + inner_handle::max_bytes];
  store_be32(plain, version);
  store_be32(plain + 4, content.type);
  std::memcpy(plain + head_size, content.bytes.held, content.bytes.size);
  const std::size_t size = head_size + content.bytes.size;
  sealed_handle sealed;
  sealed.size = static_cast<std::uint32_t>(tag_size + size);
  int n = 0;
  const cipher_context c = copy_of(sealing_);
  if (EVP_EncryptUpdate(c.get(), sealed.held + tag_size, &n, plain, static_cast<int>(size)) != 1 ||
      EVP_EncryptFinal_ex(c.get(), sealed.held + tag_size + n, &n) != 1 ||
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, sealed.held) != 1)
    openssl_broken("sealing a file handle");
  return sealed;
}

std::optional<inner_handle> handle_sealer::open(const_bytes handle) const {
  if (handle.size() < tag_size + head_size || handle.size() > max_sealed_handle)
    return std::nullopt;
  sealed_handle copy(handle);
  std::uint8_t plain[head_size + inner_handle::max_bytes];
  const std::size_t size = handle.size() - tag_size;
  int n = 0;
  const cipher_context c = copy_of(opening_);
  if (EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, copy.held) != 1 ||
      EVP_DecryptUpdate(c.get(), plain, &n, copy.held + tag_size, static_cast<int>(size)) != 1 ||
      load_be32(plain) != version)
    return std::nullopt;
  inner_handle content;
  content.type = load_be32(plain + 4);
  content.bytes = short_bytes<inner_handle::max_bytes>({plain + head_size, size - head_size});
  return content;
}

}  // namespace sfs
