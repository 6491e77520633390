// What README.md and docs/design.md show and name is what is in the tree.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "tests/examples/comments.h"
#include "tests/examples/program.h"

namespace async::test {
namespace {

struct code_block {
  std::string language;
  std::string code;  // without its indentation
};

struct document {
  explicit document(const std::string& path);

  std::vector<std::string> blocks_in(const std::string& language) const {
    std::vector<std::string> found;
    for (const code_block& block : blocks) {
      if (block.language == language) found.push_back(block.code);
    }
    return found;
  }

  std::vector<code_block> blocks;
  std::string text;  // what is not in a block
};

document::document(const std::string& path) {
  std::istringstream lines(read_file(source_dir() + '/' + path));
  const std::string fence = "```";
  for (std::string line; std::getline(lines, line);) {
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    if (line.compare(indent, fence.size(), fence) != 0) {
      text += line + '\n';
      continue;
    }
    code_block block{.language = line.substr(indent + fence.size()), .code = {}};
    while (std::getline(lines, line) && line.substr(std::min(indent, line.size())) != fence) {
      block.code += line.substr(std::min(indent, line.size())) + '\n';
    }
    blocks.push_back(block);
  }
}

// The text cut at each backtick: those of odd index stood between two.
std::vector<std::string> cut_at_backticks(const std::string& text) {
  std::istringstream rest(text);
  std::vector<std::string> pieces;
  for (std::string piece; std::getline(rest, piece, '`');) pieces.push_back(piece);
  return pieces;
}

// The files named by links, and between backticks by their path from the root.
std::vector<std::string> files_named_in(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t at = 0; (at = text.find("](", at)) != text.npos;) {
    at += 2;
    names.push_back(text.substr(at, text.find(')', at) - at));
  }
  const std::vector<std::string> pieces = cut_at_backticks(text);
  for (std::size_t i = 1; i < pieces.size(); i += 2) {
    const std::string folder = pieces[i].substr(0, pieces[i].find('/'));
    const bool is_path = pieces[i].find('/') != text.npos && pieces[i].find('*') == text.npos;
    if (is_path && !folder.empty() && std::filesystem::is_directory(source_dir() + '/' + folder) &&
        folder != "build" && folder != ".") {
      names.push_back(pieces[i]);
    }
  }
  return names;
}

// Each line of `block` is a line of `source`, wherever and however indented.
void expect_lines_of(const std::string& source, const std::string& block) {
  std::istringstream lines(block);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_NE(source.find(line + '\n'), std::string::npos) << line;
  }
}

TEST(readme, shows_the_server_that_is_compiled_and_tested) {
  const std::vector<std::string> blocks = document("README.md").blocks_in("cpp");
  ASSERT_FALSE(blocks.empty());
  EXPECT_EQ(blocks[0], read_file(source_dir() + "/examples/readme_server.cc"));
}

TEST(readme, shows_only_lines_of_the_examples_after_that) {
  std::string examples;
  for (const example& one : all_examples()) examples += one.source;
  const std::vector<std::string> blocks = document("README.md").blocks_in("cpp");
  EXPECT_GE(blocks.size(), 2u);
  for (const std::string& block : blocks) expect_lines_of(examples, block);
}

TEST(readme, shows_the_cmake_consumer_that_the_install_check_builds) {
  const std::vector<std::string> blocks = document("README.md").blocks_in("cmake");
  ASSERT_EQ(blocks.size(), 1u);
  expect_lines_of(read_file(source_dir() + "/tests/install/cmake/CMakeLists.txt"), blocks[0]);
}

TEST(readme, and_the_design_name_only_files_that_exist) {
  for (const char* path : {"README.md", "docs/design.md"}) {
    const std::vector<std::string> names = files_named_in(document(path).text);
    EXPECT_GE(names.size(), 10u);
    for (const std::string& name : names) {
      if (name == "docs/figure1.svg") continue;  // drawn by a measurement
      if (name.starts_with("https://")) continue;
      EXPECT_TRUE(std::filesystem::exists(source_dir() + '/' + name)) << path << ": " << name;
    }
  }
}

TEST(readme, names_tests_that_exist) {
  // `SUITE` in `tests/FILE`
  const std::vector<std::string> pieces = cut_at_backticks(document("README.md").text);
  int found = 0;
  for (std::size_t i = 1; i + 2 < pieces.size(); i += 2) {
    if (pieces[i + 1] != " in " || !pieces[i + 2].starts_with("tests/")) continue;
    const std::string tests = read_file(source_dir() + '/' + pieces[i + 2]);
    EXPECT_TRUE(tests.find("TEST(" + pieces[i] + ", ") != tests.npos ||
                tests.find("TEST_P(" + pieces[i] + ", ") != tests.npos)
        << pieces[i] << " in " << pieces[i + 2];
    ++found;
  }
  EXPECT_GE(found, 9);  // the nine guarantees
}

TEST(readme, lists_each_teaching_example) {
  const std::string text = document("README.md").text;
  for (const example& one : all_examples()) {
    EXPECT_NE(text.find("`examples/" + one.name + ".cc`"), std::string::npos) << one.name;
  }
}

}  // namespace
}  // namespace async::test
