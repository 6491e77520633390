// HKDF (RFC 5869) with SHA-256, as far as the channel needs it. Serves no stage of its own: it runs
// when a channel opens and when a key is ratcheted.
//
// Thread safety: any thread.
// Invariant: two different labels give independent outputs; a label is never used for two purposes.
#pragma once

#include <string_view>

#include "examples/sfsd/base/bytes.h"

namespace sfs {

// Fills `out` (at most 255 * 32 bytes) with HKDF-Expand(secret, label). `secret` must already be
// uniformly random, such as TLS's exporter gives it. Ends the program if OpenSSL cannot do it.
void hkdf_expand(const_bytes secret, std::string_view label, bytes out);

}  // namespace sfs
