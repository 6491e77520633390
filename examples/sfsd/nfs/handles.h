// Sealed file handles: what a client holds to name a file. A handle is encrypted and authenticated
// with a key that only the server has, so it can be neither guessed nor changed, and it shows
// nothing. The same file always has the same handle (NFS clients compare them), so it is sealed
// with AES-SIV, which needs no nonce. Serves stage 5.
//
//     sealed  =  tag (16)  |  version (4)  |  type (4)  |  bytes (0 to 40), all but the tag
//     encrypted
//
// The key is another one for each export, so a handle of one means nothing to another.
//
// Thread safety: const functions may be called from any thread.
// Invariant: what open() returns was made by seal() with the same key.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>

#include "examples/sfsd/base/bytes.h"
#include "examples/sfsd/base/openssl.h"
#include "examples/sfsd/base/secret.h"

namespace sfs {

// Up to Most bytes, and how many there are.
template <std::size_t Most>
struct short_bytes {
  std::uint8_t held[Most];
  std::uint32_t size = 0;

  short_bytes() noexcept = default;
  // `from` is no longer than Most.
  explicit short_bytes(const_bytes from) noexcept : size(static_cast<std::uint32_t>(from.size())) {
    if (size > 0) std::memcpy(held, from.data(), size);
  }
  const_bytes view() const noexcept { return {held, size}; }
  bool operator==(const short_bytes& other) const noexcept {
    return size == other.size && std::memcmp(held, other.held, size) == 0;
  }
};

// What is sealed: the file's name among those who made it (names.h).
struct inner_handle {
  static constexpr std::size_t max_bytes = 40;
  std::uint32_t type = 0;
  short_bytes<max_bytes> bytes;
  bool operator==(const inner_handle&) const = default;
};

inline constexpr std::size_t max_sealed_handle = 64;
using sealed_handle = short_bytes<max_sealed_handle>;

class handle_sealer {
 public:
  explicit handle_sealer(const secret32& key);

  sealed_handle seal(const inner_handle& content) const;
  // Empty if this key did not seal it.
  std::optional<inner_handle> open(const_bytes handle) const;

 private:
  cipher_context sealing_, opening_;
};

}  // namespace sfs
