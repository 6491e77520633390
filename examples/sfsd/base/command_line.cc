// See command_line.h.
#include "examples/sfsd/base/command_line.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "async/err.h"
#include "examples/sfsd/base/config_file.h"
#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/base/shown.h"

namespace sfs {
namespace {

// How many letters to put in, take out or replace to make the one of the other.
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

command_line::command_line(int argc, char** argv, const std::string& help)
    : left_(argv + (argc > 0), argv + argc) {
  async::setprogname(argc > 0 ? argv[0] : "sfs");
  const auto asks = [](const std::string& word) { return word == "--help" || word == "-h"; };
  if (std::ranges::none_of(left_, asks) && (left_.empty() || left_[0] != "help")) return;
  std::fputs(help.c_str(), stdout);
  finish_output();
  std::exit(0);
}

void command_line::wrong(const std::string& why) {
  std::fprintf(stderr, "%s: %s (--help explains)\n", async::progname(), shown(why).c_str());
  std::exit(2);
}

void command_line::finish_output() {
  const bool failed = std::ferror(stdout) != 0;  // why, nobody knows any more
  errno = EIO;
  if (std::fflush(stdout) != 0 || failed)
    async::fatal("standard output: %s", system_reason().c_str());
}

void command_line::take_config() {
  const auto path = value("--config");
  if (!path) return;
  auto words = read_config(*path);
  if (!words) wrong(words.why());
  left_.insert(left_.begin(), words->begin(), words->end());
}

bool command_line::flag(std::string_view name) { return std::erase(left_, name) > 0; }

std::optional<std::string> command_line::value(std::string_view name) {
  std::optional<std::string> found;
  for (auto i = left_.begin(); i != left_.end();) {
    if (*i == name) {
      if (i + 1 == left_.end()) wrong(std::string(name) + " needs a value");
      found = *(i + 1);
      i = left_.erase(i, i + 2);
    } else if (i->starts_with(std::string(name) + "=")) {
      found = i->substr(name.size() + 1);
      i = left_.erase(i);
    } else {
      ++i;
    }
  }
  return found;
}

std::vector<std::string> command_line::values(std::string_view name) {
  std::vector<std::string> all;
  for (auto i = left_.begin(); i != left_.end();) {
    if (*i != name) {
      ++i;
    } else if (i + 1 == left_.end()) {
      wrong(std::string(name) + " needs a value");
    } else {
      all.push_back(*(i + 1));
      i = left_.erase(i, i + 2);
    }
  }
  return all;
}

std::string command_line::value_or(std::string_view name, std::string otherwise) {
  auto found = value(name);
  return found ? std::move(*found) : std::move(otherwise);
}

std::string command_line::required(std::string_view what) {
  const std::string name(what.substr(0, what.find(' ')));
  if (auto found = value(name)) return std::move(*found);
  for (const std::string& word : left_) {
    const std::string said = word.substr(0, word.find('='));
    if (said.starts_with("-") && edits_between(said, name) <= 2)
      wrong("unknown option " + said + ": is it " + name + "?");
  }
  wrong(std::string(what) + " is missing");
}

std::uint64_t command_line::number(std::string_view name, std::uint64_t otherwise,
                                   std::uint64_t low, std::uint64_t high) {
  const auto text = value(name);
  if (!text) return otherwise;
  std::uint64_t n = 0;
  const char* const end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data(), end, n);
  if (error != std::errc() || stopped != end || n < low || n > high)
    wrong(std::string(name) + " is a number from " + std::to_string(low) + " to " +
          std::to_string(high));
  return n;
}

std::vector<std::string> command_line::rest(std::size_t most) {
  for (const std::string& one : left_)
    if (one.size() > 1 && one[0] == '-') wrong("unknown option " + one);
  if (left_.size() > most) wrong("unexpected: " + left_[most]);
  return std::move(left_);
}

}  // namespace sfs
