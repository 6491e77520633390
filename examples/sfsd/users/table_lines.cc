// See table_lines.h.
#include "examples/sfsd/users/table_lines.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>

#include "examples/sfsd/base/base32.h"

namespace sfs {
namespace {

constexpr std::string_view expires_word = "expires=", revoked_word = "revoked=";

bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

std::string_view without_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Takes the first word, and the blanks behind it, from a text that does not begin with a blank.
std::string_view take_word(std::string_view& text) noexcept {
  const std::string_view word = text.substr(0, text.find_first_of(" \t"));
  text = without_blanks(text.substr(word.size()));
  return word;
}

// A number of exactly so many digits.
std::optional<unsigned> digits(std::string_view text, std::size_t count) noexcept {
  unsigned n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.size() != count || error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return n;
}

std::string why_not_text(std::string_view line) {
  if (line.size() > max_table_line)
    return "longer than " + std::to_string(max_table_line) + " bytes";
  if (line.ends_with('\r')) return "it ends in CR LF; lines end in LF alone";
  for (const char c : line)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
      return "a control character";
  return {};
}

// Takes `word` ("expires=") and its date, if that is what comes next. Empty, or what is wrong.
std::string take_date(std::string_view& text, std::string_view word, std::optional<date>& to) {
  if (!text.starts_with(word)) return {};
  const std::string_view value = take_word(text).substr(word.size());
  if (to) return std::string(word) + " is there twice";
  to = parse_date(value);
  return to ? std::string() : std::string(word) + " needs a date YYYY-MM-DD";
}

// Empty, or what is wrong with the line.
std::string parse_line(std::string_view line, table_entry& entry) {
  entry.user = take_word(line);
  if (std::string why = why_no_user_name(entry.user); !why.empty()) return why;
  if (take_word(line) != public_line_word)
    return "a line is USER sfs-ed25519 KEY [expires=YYYY-MM-DD] [revoked=YYYY-MM-DD] [COMMENT]";
  auto key = parse_user_key(take_word(line));
  if (!key) return key.why();
  entry.key.key = *key;
  while (line.starts_with(expires_word) || line.starts_with(revoked_word)) {
    if (std::string why = take_date(line, expires_word, entry.expires); !why.empty()) return why;
    if (std::string why = take_date(line, revoked_word, entry.revoked); !why.empty()) return why;
  }
  entry.key.comment = line;
  if (take_word(line).find('=') != std::string_view::npos)
    return "unknown option: only expires= and revoked= are known, and a comment's first word has "
           "no '='";
  return why_no_comment(entry.key.comment);
}

}  // namespace

std::optional<date> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = digits(text.substr(0, 4), 4), month = digits(text.substr(5, 2), 2),
             day = digits(text.substr(8, 2), 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day d{std::chrono::year(static_cast<int>(*year)),
                                      std::chrono::month(*month), std::chrono::day(*day)};
  if (!d.ok()) return std::nullopt;
  return date(d);
}

std::string text_of(date day) {
  const std::chrono::year_month_day d(day);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(d.year()),
                static_cast<unsigned>(d.month()), static_cast<unsigned>(d.day()));
  return text;
}

std::string why_no_user_name(std::string_view name) {
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-@+$").find(c) != std::string_view::npos;
  };
  if (name.empty() || name.size() > max_user_name)
    return "the name of a user has 1 to " + std::to_string(max_user_name) + " characters";
  if (name.front() == '-' || !std::ranges::all_of(name, is_good))
    return "the name of a user has letters, digits and ._-@+$, and does not begin with a '-'";
  return {};
}

std::string table_entry::text() const {
  std::string text = user;
  text.append(" ").append(public_line_word).append(" ").append(base32(key.key));
  if (expires) text.append(" ").append(expires_word).append(text_of(*expires));
  if (revoked) text.append(" ").append(revoked_word).append(text_of(*revoked));
  if (!key.comment.empty()) text.append(" ").append(key.comment);
  return text;
}

outcome<std::vector<table_entry>> parse_table(std::string_view text, const std::string& name) {
  std::vector<table_entry> entries;
  std::map<ed25519_public, std::size_t> lines;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto wrong = [&](const std::string& why) {
      return failure{name + ":" + std::to_string(number) + ": " + why};
    };
    const std::string_view raw = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), raw.size() + 1));
    if (const std::string why = why_not_text(raw); !why.empty()) return wrong(why);
    const std::string_view line = without_blanks(raw);
    if (line.empty() || line.front() == '#') continue;
    table_entry entry;
    entry.line = number;
    if (const std::string why = parse_line(line, entry); !why.empty()) return wrong(why);
    const auto [first, is_new] = lines.emplace(entry.key.key, number);
    if (!is_new) return wrong("this key is also in line " + std::to_string(first->second));
    if (entries.size() == max_table_keys)
      return wrong("more than " + std::to_string(max_table_keys) + " keys");
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace sfs
