// See mime.h.
#include "examples/httpd/files/mime.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "examples/httpd/http/text.h"

namespace httpd {
namespace {

constexpr const char* well_known[][2] = {
    {"html", "text/html"},        {"htm", "text/html"},         {"css", "text/css"},
    {"js", "text/javascript"},    {"mjs", "text/javascript"},   {"txt", "text/plain"},
    {"md", "text/markdown"},      {"csv", "text/csv"},          {"xml", "text/xml"},
    {"json", "application/json"}, {"wasm", "application/wasm"}, {"pdf", "application/pdf"},
    {"zip", "application/zip"},   {"gz", "application/gzip"},   {"tar", "application/x-tar"},
    {"png", "image/png"},         {"jpg", "image/jpeg"},        {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},         {"webp", "image/webp"},       {"avif", "image/avif"},
    {"svg", "image/svg+xml"},     {"ico", "image/x-icon"},      {"mp4", "video/mp4"},
    {"webm", "video/webm"},       {"mp3", "audio/mpeg"},        {"ogg", "audio/ogg"},
    {"wav", "audio/wav"},         {"woff", "font/woff"},        {"woff2", "font/woff2"},
    {"ttf", "font/ttf"},          {"otf", "font/otf"},          {"ics", "text/calendar"}};

std::string lower_of(std::string_view s) {
  std::string out(s);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

// It goes into a header: a type and no more.
bool is_type(const std::string& s) {
  return s.size() <= 127 && s.find('/') != s.npos && std::ranges::all_of(s, [](char c) {
           return is_letter(c) || is_digit(c) ||
                  std::string_view("/.+-_").find(c) != std::string_view::npos;
         });
}

}  // namespace

mime_types::mime_types(const std::string& file) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string type, ending;
    if (!(words >> type) || !is_type(type)) continue;
    while (words >> ending) by_ending_.emplace(lower_of(ending), type);
  }
  for (const auto& [ending, type] : well_known) by_ending_.insert_or_assign(ending, type);
}

std::string mime_types::of(std::string_view name) const {
  const std::size_t dot = name.rfind('.');
  const auto found =
      dot == name.npos ? by_ending_.end() : by_ending_.find(lower_of(name.substr(dot + 1)));
  if (found == by_ending_.end()) return "application/octet-stream";
  const std::string& type = found->second;
  return type.starts_with("text/") ? type + "; charset=utf-8" : type;
}

}  // namespace httpd
