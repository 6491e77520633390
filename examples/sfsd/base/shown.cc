// See shown.h.
#include "examples/sfsd/base/shown.h"

#include <cstdio>

namespace sfs {
namespace {

// How many bytes the character takes with which the text begins, if it can be shown; else 0.
// Well-formed is what RFC 3629, section 4, says.
std::size_t printable(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return first >= 0x20 && first != 0x7f && first != '\\' ? 1 : 0;
  unsigned low = 0x80, high = 0xbf;                // of the second byte
  if (first == 0xc2 || first == 0xe0) low = 0xa0;  // below are C1, and what fits in two bytes
  if (first == 0xed) high = 0x9f;                  // above are surrogates
  if (first == 0xf0) low = 0x90;                   // below is what fits in three bytes
  if (first == 0xf4) high = 0x8f;                  // above are no characters
  if (first < 0xc2 || first > 0xf4 || second < low || second > high) return 0;
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (std::size_t i = 2; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  return size;
}

}  // namespace

std::string shown(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t size = printable(text);
    if (size > 0) {
      out += text.substr(0, size);
    } else {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(text[0]));
      out += escaped;
      size = 1;
    }
    text.remove_prefix(size);
  }
  return out;
}

}  // namespace sfs
