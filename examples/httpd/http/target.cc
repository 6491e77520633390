// See target.h.
#include "examples/httpd/http/target.h"

#include "examples/httpd/http/text.h"

namespace httpd {
namespace {

// Takes "http://authority" off the front.
std::string_view without_authority(std::string_view raw) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (raw.size() < scheme.size() || !equal_ignoring_case(raw.substr(0, scheme.size()), scheme))
      continue;
    raw.remove_prefix(scheme.size());
    const std::size_t end = raw.find_first_of("/?");
    if (end == raw.npos) return "/";
    return raw[end] == '/' ? raw.substr(end) : std::string_view();
  }
  return raw;
}

bool is_plain(std::string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%') return false;
    if (path[i] == '/' && i + 1 < path.size() && (path[i + 1] == '/' || path[i + 1] == '.'))
      return false;
  }
  return true;
}

// Appends the name with its percent-encoding taken off; false if it is none.
bool decode(std::string_view name, std::string& to) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    if (c == '%') {
      if (i + 2 >= name.size()) return false;
      const int high = hex_value(name[i + 1]), low = hex_value(name[i + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
      if (c == '/' || c == '\0') return false;
    }
    to += c;
  }
  return true;
}

}  // namespace

target read_target(std::string_view raw, std::string& space) {
  raw = without_authority(raw);
  if (!raw.starts_with('/') || raw.find('#') != raw.npos) return {400, {}, {}};
  const std::size_t question = std::min(raw.find('?'), raw.size());
  const std::string_view query = raw.substr(question);
  std::string_view path = raw.substr(0, question);
  if (is_plain(path)) return {0, path, query};

  space.clear();
  bool directory = true;
  while (!path.empty()) {
    path.remove_prefix(1);  // the '/'
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::size_t before = space.size();
    space += '/';
    if (!decode(path.substr(0, end), space)) return {400, {}, {}};
    const std::string_view name = std::string_view(space).substr(before + 1);
    directory = name.empty() || name == "." || name == "..";
    if (directory) {
      const bool up = name.size() == 2;
      space.resize(before);
      if (up && space.empty()) return {400, {}, {}};
      if (up) space.resize(space.rfind('/'));
    }
    path.remove_prefix(end);
  }
  if (directory) space += '/';
  return {0, space, query};
}

}  // namespace httpd
