// See ed25519.h.
#include "examples/sfsd/base/ed25519.h"

#include <openssl/bn.h>
#include <openssl/err.h>

namespace sfs {
namespace {

using bn_context = std::unique_ptr<BN_CTX, freed_by<BN_CTX_free>>;
using bn_owner = std::unique_ptr<BIGNUM, freed_by<BN_free>>;

// Numbers modulo p = 2^255 - 19. Only public keys are reckoned with, so it may take different
// times.
class field {
 public:
  field() : context_(BN_CTX_new()), p_(number(1)) {
    must(context_ && BN_lshift(p_.get(), p_.get(), 255) && BN_sub_word(p_.get(), 19));
  }

  bn_owner number(BN_ULONG value) const {
    bn_owner n{BN_new()};
    must(n && BN_set_word(n.get(), value));
    return n;
  }
  bn_owner plus(const bn_owner& a, const bn_owner& b) const {
    bn_owner n{BN_new()};
    must(n && BN_mod_add(n.get(), a.get(), b.get(), p_.get(), context_.get()));
    return n;
  }
  bn_owner minus(const bn_owner& a, const bn_owner& b) const {
    bn_owner n{BN_new()};
    must(n && BN_mod_sub(n.get(), a.get(), b.get(), p_.get(), context_.get()));
    return n;
  }
  bn_owner times(const bn_owner& a, const bn_owner& b) const {
    bn_owner n{BN_new()};
    must(n && BN_mod_mul(n.get(), a.get(), b.get(), p_.get(), context_.get()));
    return n;
  }
  bn_owner over(const bn_owner& a, const bn_owner& b) const {
    bn_owner n{BN_new()};
    must(n && BN_mod_inverse(n.get(), b.get(), p_.get(), context_.get()));
    return times(a, n);
  }
  bool has(const bn_owner& a) const noexcept { return BN_cmp(a.get(), p_.get()) < 0; }
  bool is_square(const bn_owner& a) const noexcept {
    return BN_kronecker(a.get(), p_.get(), context_.get()) == 1;
  }

 private:
  static void must(bool done) {
    if (!done) openssl_broken("reckoning with a public key");
  }

  bn_context context_;
  bn_owner p_;
};

}  // namespace

outcome<pkey_owner> new_ed25519_key() {
  pkey_owner key{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  if (!key) return failure{"cannot make a key: " + openssl_reason()};
  return key;
}

ed25519_public public_half(EVP_PKEY* key) {
  ed25519_public raw;
  std::size_t size = raw.size();
  if (EVP_PKEY_get_raw_public_key(key, raw.data(), &size) != 1 || size != raw.size())
    openssl_broken("reading a public key");
  return raw;
}

// The key is the number y, little-endian, and in the last bit the sign of x. RFC 8032, section
// 5.1.3: x^2 = (y^2 - 1) / (d y^2 + 1), which has roots if (y^2 - 1)(d y^2 + 1) is a square. The
// points P with 8P = 0 are those with x = 0 (y = 1 or -1), with y = 0, and those whose double has
// y = 0, which is where x^2 = -y^2: -x^2 + y^2 = 1 + d x^2 y^2 says d y^4 + 2 y^2 = 1 of them.
bool is_ed25519_key(const ed25519_public& key) {
  const field f;
  ed25519_public without_sign = key;
  without_sign.back() &= 0x7f;
  const bn_owner y{BN_lebin2bn(without_sign.data(), without_sign.size(), nullptr)};
  if (!y) openssl_broken("reading a public key");
  if (!f.has(y) || BN_is_zero(y.get())) return false;
  const bn_owner one = f.number(1);
  const bn_owner d = f.over(f.minus(f.number(0), f.number(121665)), f.number(121666));
  const bn_owner y2 = f.times(y, y);
  const bn_owner dy2 = f.times(d, y2);
  if (BN_is_one(f.plus(f.times(dy2, y2), f.plus(y2, y2)).get())) return false;
  return f.is_square(f.times(f.minus(y2, one), f.plus(dy2, one)));  // 0 is none: x is not 0
}

ed25519_signature sign(EVP_PKEY* key, const_bytes message) {
  const digest_context c{EVP_MD_CTX_new()};
  ed25519_signature signature;
  std::size_t size = signature.size();
  if (!c || EVP_DigestSignInit(c.get(), nullptr, nullptr, nullptr, key) != 1 ||
      EVP_DigestSign(c.get(), signature.data(), &size, message.data(), message.size()) != 1 ||
      size != signature.size())
    openssl_broken("signing");
  return signature;
}

bool verify(const ed25519_public& key, const_bytes message, const ed25519_signature& signature) {
  if (!is_ed25519_key(key)) return false;
  const pkey_owner pkey{
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size())};
  const digest_context c{EVP_MD_CTX_new()};
  if (!pkey || !c || EVP_DigestVerifyInit(c.get(), nullptr, nullptr, nullptr, pkey.get()) != 1)
    openssl_broken("checking a signature");
  const bool good = EVP_DigestVerify(c.get(), signature.data(), signature.size(), message.data(),
                                     message.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace sfs
