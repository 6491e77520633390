// Sealed file handles: what a client holds to name a file. A handle is encrypted and authenticated
// with a key that only the server has, so it can be neither guessed nor changed, and it shows
// nothing. The same file always has the same handle (NFS clients compare them), so it is sealed
// with AES-SIV, which needs no nonce. Serves stage 5.
//
// Thread safety: const functions may be called from any thread.
// Invariant: what open() returns was made by seal() with the same key.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "examples/sfsd/base/bytes.h"
#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/base/secret.h"

namespace sfs {

// What a handle says. `run` is the server's run that made it: nodes are numbered anew in each.
struct handle_content {
  std::uint32_t export_id = 0;
  std::uint64_t run = 0, node = 0;
  bool operator==(const handle_content&) const = default;
};

inline constexpr std::size_t sealed_handle_size = 40;
using sealed_handle = std::array<std::uint8_t, sealed_handle_size>;

class handle_sealer {
 public:
  explicit handle_sealer(secret32 key);

  sealed_handle seal(const handle_content& content) const;
  // Empty if this key did not seal it.
  std::optional<handle_content> open(const_bytes handle) const;

 private:
  cipher_context keyed(bool sealing) const;

  cipher_owner cipher_;
  secret32 key_;
};

}  // namespace sfs
