// Reading the head of a reply; see reply.h.

#include "bench/papers/reply.h"

#include <algorithm>
#include <charconv>

namespace papers {

namespace {

using result = reply_head::result;

constexpr std::string_view version = "HTTP/1.1 ";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

// All of `text` is a number of at most `most`.
bool number(std::string_view text, std::size_t most, std::size_t& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size() && into <= most;
}

// One line, without its end. False if there is no reply that we understand.
bool read_field(std::string_view line, reply_head& into, bool& has_length) {
  const std::size_t colon = line.find(':');
  if (colon == line.npos || colon == 0) return false;
  const std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
  if (same(name, "Transfer-Encoding")) return false;
  if (same(name, "Connection")) into.closes = same(value, "close");
  if (!same(name, "Content-Length")) return true;
  std::size_t length = 0;
  if (!number(value, longest_body, length) || (has_length && length != into.body)) return false;
  into.body = length;
  return has_length = true;
}

bool read_status(std::string_view line, reply_head& into) {
  std::size_t status = 0;
  if (line.size() < version.size() + 3 || !number(line.substr(version.size(), 3), 599, status))
    return false;
  into.status = static_cast<unsigned>(status);
  return status >= 200 && (line.size() == version.size() + 3 || line[version.size() + 3] == ' ');
}

}  // namespace

result read_head(std::string_view got, reply_head& into) {
  if (got.substr(0, version.size()) != version.substr(0, got.size())) return result::wrong;
  const std::size_t end = got.substr(0, longest_head).find("\r\n\r\n");
  if (end == got.npos) return got.size() < longest_head ? result::incomplete : result::wrong;
  reply_head head;
  head.head = end + 4;
  bool has_length = false;
  std::string_view left = got.substr(0, end + 2);
  for (bool first = true; !left.empty(); first = false) {
    const std::size_t line = left.find("\r\n");
    const std::string_view text = left.substr(0, line);
    if (first ? !read_status(text, head) : !read_field(text, head, has_length))
      return result::wrong;
    left.remove_prefix(line + 2);
  }
  if (!has_length) return result::wrong;
  into = head;
  return result::complete;
}

}  // namespace papers
