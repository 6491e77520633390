// examples/sfsd/README.md counts the lines that each step of coloring took, as they are marked.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>

#include "tests/sfsd/support.h"

namespace sfs::test {
namespace {

const std::filesystem::path folder = "examples/sfsd";

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The lines of code that end in a mark.
int marked(const std::string& mark) {
  int count = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder))
    if (file.path().extension() == ".cc" || file.path().extension() == ".h")
      for (const std::string& line : lines_of(file.path()))
        count += line.ends_with(mark) && !line.starts_with("//");
  return count;
}

TEST(the_readme_of_sfsd, counts_the_lines_of_each_step_of_coloring) {
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "run it at the top of the sources";
  const std::regex row(R"(\| `(\[\w+\])` .*\| +(\d+) \|)");
  int rows = 0;
  for (const std::string& line : lines_of(folder / "README.md")) {
    std::smatch parts;
    if (!std::regex_match(line, parts, row)) continue;
    ++rows;
    EXPECT_EQ(std::stoi(parts[2]), marked(parts[1])) << line;
  }
  EXPECT_EQ(rows, 3);
}

}  // namespace
}  // namespace sfs::test
