// What README.md and docs/ show and name is what is in the tree.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/examples/comments.h"
#include "tests/examples/program.h"

namespace async::test {
namespace {

std::string readme() { return read_file(source_dir() + "/README.md"); }

// The blocks of code in that language, without their indentation.
std::vector<std::string> code_blocks(const std::string& text, const std::string& language) {
  const std::regex fence("( *)```" + language + "\n");
  std::vector<std::string> blocks;
  for (std::sregex_iterator match(text.begin(), text.end(), fence), end; match != end; ++match) {
    const std::string indent = (*match)[1];
    std::istringstream lines(text.substr(match->position() + match->length()));
    std::string block;
    for (std::string line; std::getline(lines, line) && line != indent + "```";) {
      block += line.substr(std::min(indent.size(), line.size())) + '\n';
    }
    blocks.push_back(block);
  }
  return blocks;
}

// Whether each line of `block` is a line of `source`, wherever and however indented.
void expect_lines_of(const std::string& source, const std::string& block) {
  std::istringstream lines(block);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_NE(source.find(line + '\n'), std::string::npos) << line;
  }
}

TEST(readme, shows_the_server_that_is_compiled_and_tested) {
  const std::vector<std::string> blocks = code_blocks(readme(), "cpp");
  ASSERT_FALSE(blocks.empty());
  EXPECT_EQ(blocks[0], read_file(source_dir() + "/examples/readme_server.cc"));
}

TEST(readme, shows_only_lines_of_the_examples_after_that) {
  std::string examples;
  for (const example& one : all_examples()) examples += one.source;
  const std::vector<std::string> blocks = code_blocks(readme(), "cpp");
  EXPECT_GE(blocks.size(), 2u);
  for (const std::string& block : blocks) expect_lines_of(examples, block);
}

TEST(readme, shows_the_cmake_consumer_that_the_install_check_builds) {
  const std::vector<std::string> blocks = code_blocks(readme(), "cmake");
  ASSERT_EQ(blocks.size(), 1u);
  expect_lines_of(read_file(source_dir() + "/tests/install/cmake/CMakeLists.txt"), blocks[0]);
}

TEST(readme, and_the_design_name_only_files_that_exist) {
  const std::string text = readme() + read_file(source_dir() + "/docs/design.md");
  // Links, and paths in backticks that begin with a folder of the tree.
  const std::regex path(
      R"(\]\(([\w./-]+)\)|`((?:wrap|mp|suio|async|examples|tests|bench|docs|tools)/[\w./]+)`)");
  for (std::sregex_iterator match(text.begin(), text.end(), path), end; match != end; ++match) {
    const std::string name = (*match)[1].matched ? (*match)[1] : (*match)[2];
    if (name == "docs/figure1.svg") continue;  // `./run bench sfs` draws it
    EXPECT_TRUE(std::filesystem::exists(source_dir() + '/' + name)) << name;
  }
}

TEST(readme, names_tests_that_exist) {
  const std::string text = readme();
  const std::regex reference(R"(`(\w+)` in `(tests/[\w./]+)`)");
  int found = 0;
  for (std::sregex_iterator match(text.begin(), text.end(), reference), end; match != end;
       ++match) {
    const std::string tests = read_file(source_dir() + '/' + (*match)[2].str());
    EXPECT_TRUE(std::regex_search(tests, std::regex("TEST\\w*\\(" + (*match)[1].str() + ",")))
        << (*match)[0];
    ++found;
  }
  EXPECT_GE(found, 9);  // the nine guarantees
}

}  // namespace
}  // namespace async::test
