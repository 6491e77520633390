#include "tests/examples/comments.h"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "tests/examples/program.h"

namespace async::test {

namespace {

// Lines like this one, up to the first that is none.
std::string first_comment(const std::string& source) {
  std::istringstream lines(source);
  std::string comment;
  for (std::string line; std::getline(lines, line) && line.starts_with("//");) {
    comment += line.substr(std::min<std::size_t>(line.size(), 3)) + '\n';
  }
  return comment;
}

}  // namespace

std::vector<example> all_examples() {
  std::vector<example> found;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() + "/examples")) {
    if (entry.path().extension() != ".cc") continue;
    std::string source = read_file(entry.path());
    found.push_back({entry.path().stem(), source, first_comment(source)});
  }
  std::sort(found.begin(), found.end(),
            [](const example& a, const example& b) { return a.name < b.name; });
  return found;
}

std::string promised_output(const std::string& name) {
  std::istringstream lines(first_comment(read_file(source_dir() + "/examples/" + name + ".cc")));
  const std::string start = "Prints:  ", indent(start.size(), ' ');
  std::string promised;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(promised.empty() ? start : indent)) {
      if (promised.empty()) continue;
      break;
    }
    line = line.substr(start.size(), line.find("   (") - start.size());
    promised += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  if (promised.empty()) throw std::runtime_error(name + " promises no output");
  return promised;
}

}  // namespace async::test
