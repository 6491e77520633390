// See base32.h.
#include "examples/sfsd/base/base32.h"

namespace sfs {
namespace {

constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";

}  // namespace

std::string base32(const_bytes data) {
  std::string text;
  std::uint32_t window = 0;
  int bits = 0;
  for (std::uint8_t byte : data) {
    window = window << 8 | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[window >> (bits - 5) & 31];
  }
  if (bits > 0) text += alphabet[window << (5 - bits) & 31];
  return text;
}

bool from_base32(std::string_view text, bytes data) noexcept {
  if (text.size() != base32_size(data.size())) return false;
  std::uint32_t window = 0;
  int bits = 0;
  std::size_t filled = 0;
  for (char c : text) {
    const std::size_t digit = alphabet.find(c);
    if (digit == std::string_view::npos) return false;
    window = window << 5 | static_cast<std::uint32_t>(digit);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    data[filled++] = static_cast<std::uint8_t>(window >> bits);
  }
  return (window & ((1u << bits) - 1)) == 0;  // the last digit's bits that are too many
}

}  // namespace sfs
