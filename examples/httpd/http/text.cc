// See text.h.
#include "examples/httpd/http/text.h"

namespace httpd {
namespace {

constexpr char hex_digits[] = "0123456789ABCDEF";

void append_hex(std::string& to, char c) {
  const auto byte = static_cast<unsigned char>(c);
  to += hex_digits[byte >> 4];
  to += hex_digits[byte & 15];
}

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  return out;
}

std::string uri_escaped(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (is_digit(c) || is_letter(c) ||
        std::string_view("-._~/").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      append_hex(out, c);
    }
  }
  return out;
}

void append_log_escaped(std::string& to, std::string_view text) {
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
      to += c;
    } else {
      to += "\\x";
      append_hex(to, c);
    }
  }
}

}  // namespace httpd
