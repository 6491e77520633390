// See config_file.h.
#include "examples/sfsd/base/config_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "examples/sfsd/base/fd.h"

namespace sfs {
namespace {

constexpr std::size_t max_size = 64 * 1024;
constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

bool is_option_name(std::string_view name) noexcept {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; };
  return !name.empty() && name.front() != '-' && std::all_of(name.begin(), name.end(), good);
}

}  // namespace

outcome<std::vector<std::string>> parse_config(std::string_view text, const std::string& name) {
  std::vector<std::string> words;
  std::vector<std::string_view> seen;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view content = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (content.empty() || content.front() == '#') continue;
    const auto wrong = [&](const char* why) {
      return failure{name + ":" + std::to_string(line) + ": " + why};
    };
    if (content.find('\0') != content.npos) return wrong("there is a NUL in it");
    const std::size_t equals = content.find('=');
    const std::string_view option = trimmed(content.substr(0, equals));
    if (!is_option_name(option)) return wrong("it is NAME = VALUE, or NAME alone");
    if (option == "config") return wrong("a configuration cannot name another one");
    if (std::find(seen.begin(), seen.end(), option) != seen.end())
      return wrong("this option was there already");
    seen.push_back(option);
    std::string word = "--" + std::string(option);
    if (equals != content.npos) word += "=" + std::string(trimmed(content.substr(equals + 1)));
    words.push_back(std::move(word));
  }
  return words;
}

outcome<std::vector<std::string>> read_config(const std::string& path) {
  const fd_owner file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat st;
  if (!file || ::fstat(file.get(), &st) < 0) return failure{path + ": " + system_reason()};
  if (!S_ISREG(st.st_mode)) return failure{path + ": not a regular file"};
  std::string text(max_size + 1, '\0');
  std::size_t size = 0;
  for (ssize_t n; (n = ::read(file.get(), text.data() + size, text.size() - size)) != 0;) {
    if (n < 0) return failure{path + ": " + system_reason()};
    size += static_cast<std::size_t>(n);
  }
  if (size > max_size) return failure{path + ": it is too long for a configuration"};
  return parse_config(std::string_view(text).substr(0, size), path);
}

}  // namespace sfs
