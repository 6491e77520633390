// What writers write: bytes that say who wrote them, as which of his records, and where. So whoever
// finds them knows whether they are what should be there, and if not, what they are.
//
// Serves no stage. Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "examples/sfsd/base/bytes.h"

namespace sfs::faults {

struct record {
  std::uint32_t writer = 0, size = 0;
  std::uint64_t sequence = 0, offset = 0;

  static constexpr std::uint32_t smallest = 32;
  bool operator==(const record&) const = default;
};

inline std::vector<std::uint8_t> content_of(const record& r) {
  std::vector<std::uint8_t> out(r.size);
  store_be32(out.data(), 0x53465352);
  store_be32(out.data() + 4, r.writer);
  store_be64(out.data() + 8, r.sequence);
  store_be64(out.data() + 16, r.offset);
  store_be32(out.data() + 24, r.size);
  std::uint64_t x = (r.sequence * 0x9e3779b97f4a7c15u) ^ (r.offset << 20) ^ r.writer;
  for (std::size_t i = 28; i < out.size(); ++i) {
    if (i % 8 == 4) x = x * 6364136223846793005u + 1442695040888963407u;
    out[i] = static_cast<std::uint8_t>(x >> (8 * (i % 8)));
  }
  return out;
}

// The record that some bytes begin with; none if they are not one, to the last byte.
inline std::optional<record> record_in(const_bytes from) {
  if (from.size() < record::smallest || load_be32(from.data()) != 0x53465352) return std::nullopt;
  const record r{load_be32(from.data() + 4), load_be32(from.data() + 24),
                 load_be64(from.data() + 8), load_be64(from.data() + 16)};
  if (r.size < record::smallest || r.size > from.size()) return std::nullopt;
  if (std::memcmp(content_of(r).data(), from.data(), r.size) != 0) return std::nullopt;
  return r;
}

}  // namespace sfs::faults
