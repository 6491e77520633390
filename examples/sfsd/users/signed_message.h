// The bytes of a statement that is signed: words that say what it is, then its parts. Serves no
// stage of its own.
//
// Thread safety: like a string.
// Invariant: each part has a length that is fixed or in front of it, so that no two statements have
// the same bytes.
#pragma once

#include <string>
#include <string_view>

#include "examples/sfsd/base/bytes.h"

namespace sfs {

class signed_message {
 public:
  // `domain` is what keeps one kind of statement apart from the others; none begins another one.
  explicit signed_message(std::string_view domain) : bytes_(domain) {}

  // A part whose length is always the same.
  void fixed(const_bytes part) { bytes_.append(part.begin(), part.end()); }

  void number(std::uint32_t value) {
    std::uint8_t raw[4];
    store_be32(raw, value);
    fixed(raw);
  }

  void text(std::string_view part) {
    number(static_cast<std::uint32_t>(part.size()));
    bytes_ += part;
  }

  const_bytes bytes() const noexcept { return as_bytes(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace sfs
