// Characters and words of HTTP. Serves no stage of its own.
//
// Thread safety: pure functions.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace httpd {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) noexcept { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// What may be in an authority: RFC 3986, section 3.2.
constexpr bool is_authority(char c) noexcept {
  return is_digit(c) || is_letter(c) ||
         std::string_view("-._~!$&'()*+,;=:[]%@").find(c) != std::string_view::npos;
}

constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, lower, lower);
}

constexpr std::string_view trimmed(std::string_view s) noexcept {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

// Takes the part before the next `separator`, or all, off the front of `list`, and returns it
// without the blanks around it.
constexpr std::string_view take_item(std::string_view& list, char separator = ',') noexcept {
  const std::size_t end = std::min(list.find(separator), list.size());
  const std::string_view item = trimmed(list.substr(0, end));
  list.remove_prefix(std::min(end + 1, list.size()));
  return item;
}

// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// As it may stand in HTML, in an attribute too.
std::string html_escaped(std::string_view text);

// As it may stand in the path of a URI: what is not plain is percent-encoded, '/' is not.
std::string uri_escaped(std::string_view path);

// Printable and without quotes, as a word of the log: anything else becomes \xHH.
void append_log_escaped(std::string& to, std::string_view text);

}  // namespace httpd
