// Views of bytes and big-endian numbers in them, as every protocol here writes them. Serves no
// stage of its own.
//
// Thread safety: pure functions.
// Invariant: the caller has checked that the bytes are there.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace sfs {

using bytes = std::span<std::uint8_t>;
using const_bytes = std::span<const std::uint8_t>;

inline const_bytes as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::uint32_t load_be32(const std::uint8_t* p) noexcept {
  std::uint32_t v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_bswap32(v);
}

inline std::uint64_t load_be64(const std::uint8_t* p) noexcept {
  std::uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_bswap64(v);
}

inline void store_be32(std::uint8_t* p, std::uint32_t v) noexcept {
  v = __builtin_bswap32(v);
  std::memcpy(p, &v, sizeof v);
}

inline void store_be64(std::uint8_t* p, std::uint64_t v) noexcept {
  v = __builtin_bswap64(v);
  std::memcpy(p, &v, sizeof v);
}

}  // namespace sfs
