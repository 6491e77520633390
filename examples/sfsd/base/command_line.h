// Command lines: `--name value`, `--name=value`, `--flag`, and the rest. Serves no stage.
//
// Thread safety: one thread, at a program's start.
// Invariant: what was not asked for is an error, so a misspelt option never goes unnoticed.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sfs {

class command_line {
 public:
  // Prints `help` and exits if there is --help or -h anywhere, or `help` in front.
  command_line(int argc, char** argv, const std::string& help);

  // Puts the options that are in the file of --config FILE, if there is that option, before the
  // others, so that what is on the command line counts. Exits if the file is not as it should be.
  void take_config();

  // Whether a flag without a value is there.
  bool flag(std::string_view name);

  // The value of an option; the last one counts.
  std::optional<std::string> value(std::string_view name);
  std::string value_or(std::string_view name, std::string otherwise);

  // The value of an option that has to be there, `what` with its value: "--key FILE". Exits if it
  // is not; if a word that is left looks like it, by saying that this one is unknown.
  std::string required(std::string_view what);

  // The values of an option that may be there several times.
  std::vector<std::string> values(std::string_view name);

  // As if this had been there too.
  void add(std::string word) { left_.push_back(std::move(word)); }

  // A number from `low` to `high`, or `otherwise` if the option is not there. Exits if it is no
  // such number.
  std::uint64_t number(std::string_view name, std::uint64_t otherwise, std::uint64_t low,
                       std::uint64_t high);

  // What is left; exits, naming it, if there is an unknown option, or more than `most` of the
  // others.
  std::vector<std::string> rest(std::size_t most);

  // Says what is wrong with the command line, in a way that may be shown, and exits with status 2.
  [[noreturn]] static void wrong(const std::string& why);

  // Exits with status 1, and says so, if not all of the standard output could be written.
  static void finish_output();

 private:
  std::vector<std::string> left_;
};

}  // namespace sfs
