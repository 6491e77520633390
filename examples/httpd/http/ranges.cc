// See ranges.h.
#include "examples/httpd/http/ranges.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "examples/httpd/http/text.h"

namespace httpd {
namespace {

constexpr std::string_view unit = "bytes=";

// A number of digits only; one that is too large is as good as the largest.
std::optional<std::uint64_t> number(std::string_view digits) {
  if (digits.empty() || !std::ranges::all_of(digits, is_digit)) return std::nullopt;
  std::uint64_t n = UINT64_MAX;
  std::from_chars(digits.data(), digits.data() + digits.size(), n);
  return n;
}

// "10-20", "10-" or "-10"; empty if it lies behind the end, nothing if it is no range.
std::optional<byte_range> one_range(std::string_view text, std::uint64_t size) {
  const std::size_t dash = text.find('-');
  if (dash == text.npos) return std::nullopt;
  const auto first = number(text.substr(0, dash)), last = number(text.substr(dash + 1));
  if (dash == 0) {
    if (!last) return std::nullopt;
    return byte_range{size - std::min(*last, size), size};
  }
  if (!first) return std::nullopt;
  if (dash + 1 == text.size()) return byte_range{std::min(*first, size), size};
  if (!last || *last < *first) return std::nullopt;
  return byte_range{std::min(*first, size), *last < size ? *last + 1 : size};
}

}  // namespace

ranges parse_ranges(std::string_view field, std::uint64_t size) {
  if (field.size() < unit.size() || !equal_ignoring_case(field.substr(0, unit.size()), unit))
    return {};
  field.remove_prefix(unit.size());
  ranges found{ranges::unsatisfiable, {}};
  std::uint64_t total = 0;
  for (std::size_t n = 0; !field.empty(); ++n) {
    const auto r = one_range(take_item(field), size);
    if (!r || n == max_ranges) return {};
    if (r->begin == r->end) continue;
    total += r->end - r->begin;
    if (total > size) return {};
    found.list.push_back(*r);
  }
  if (!found.list.empty()) found.kind = ranges::some;
  return found;
}

}  // namespace httpd
