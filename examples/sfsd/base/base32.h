// Base32 as names of keys are written: RFC 4648's alphabet in lower case, without padding. Serves
// no stage of its own.
//
// Thread safety: pure functions.
// Invariant: the same bytes have one spelling; any other is refused.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "examples/sfsd/base/bytes.h"

namespace sfs {

std::string base32(const_bytes data);

// How many characters so many bytes take.
constexpr std::size_t base32_size(std::size_t size) noexcept { return (size * 8 + 4) / 5; }

// Fills `data` with what the text says. False, and then what is in `data` means nothing, unless it
// is exactly what base32() writes for as many bytes.
bool from_base32(std::string_view text, bytes data) noexcept;

}  // namespace sfs
