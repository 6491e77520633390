// The Range field (RFC 9110, section 14.2). Serves stage 5.
//
// Thread safety: pure functions.
// Invariant: a range that comes from here is not empty and lies within the whole.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace httpd {

// Of so many a reply is made; who asks for more gets the whole.
constexpr std::size_t max_ranges = 16;

struct byte_range {
  std::uint64_t begin, end;  // end is the first that is not in it
  friend bool operator==(const byte_range&, const byte_range&) = default;
};

struct ranges {
  enum kind : std::uint8_t {
    whole,          // there is no range, or one to be ignored
    some,           // those in `list`
    unsatisfiable,  // none of those asked for is there
  } kind = whole;
  std::vector<byte_range> list;
};

// What `field` asks for of `size` bytes. Ignored is what is no list of byte ranges, and what asks
// for more bytes than the whole has: overlapping ranges are how a small request makes much work.
ranges parse_ranges(std::string_view field, std::uint64_t size);

}  // namespace httpd
