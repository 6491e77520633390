// Ed25519 (RFC 8032): making keys, signing, checking. Serves no stage of its own.
//
// Thread safety: functions without shared state; a key may be used by several threads at once.
// Invariant: what one of these accepts was signed, in exactly these bytes, by who holds the private
// half of exactly this key.
#pragma once

#include <array>
#include <cstdint>

#include "examples/sfsd/base/bytes.h"
#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/base/outcome.h"

namespace sfs {

using ed25519_public = std::array<std::uint8_t, 32>;
using ed25519_signature = std::array<std::uint8_t, 64>;

outcome<pkey_owner> new_ed25519_key();

// Of a key that is an Ed25519 key.
ed25519_public public_half(EVP_PKEY* key);

// Whether these bytes can be somebody's key: the one spelling of a point of the curve that is not
// one of the eight for which anybody could sign (those whose order divides 8).
bool is_ed25519_key(const ed25519_public& key);

ed25519_signature sign(EVP_PKEY* key, const_bytes message);

// False also if is_ed25519_key() is.
bool verify(const ed25519_public& key, const_bytes message, const ed25519_signature& signature);

}  // namespace sfs
