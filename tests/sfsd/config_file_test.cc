// Options from a file: each line is an option, a comment or nothing, or it is an error that names
// the line.
#include "examples/sfsd/base/config_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/sfsd/support.h"

namespace sfs::test {
namespace {

using arguments = std::vector<std::string>;

arguments good(std::string_view text) {
  auto parsed = parse_config(text, "f");
  EXPECT_TRUE(parsed) << parsed.why();
  return parsed ? *parsed : arguments{"bad"};
}
std::string bad(std::string_view text) {
  const auto parsed = parse_config(text, "f");
  EXPECT_FALSE(parsed) << text;
  return parsed ? std::string() : parsed.why();
}

TEST(a_configuration, has_an_option_in_each_line) {
  EXPECT_EQ(good("export = /srv\nread-only\nlisten=:4433\n"),
            (arguments{"--export=/srv", "--read-only", "--listen=:4433"}));
  EXPECT_EQ(good("  export\t=  /a b/c = d \t\r\n"), arguments{"--export=/a b/c = d"});
  EXPECT_EQ(good("export ="), arguments{"--export="})
      << "empty, and the last line may lack its end";
  EXPECT_EQ(good("export = # no comment"), arguments{"--export=# no comment"});
}

TEST(a_configuration, may_have_comments_and_empty_lines) {
  EXPECT_EQ(good(""), arguments{});
  EXPECT_EQ(good("\n\n  \t\n\r\n"), arguments{});
  EXPECT_EQ(good("# export = /srv\n   # more\nverbose\n#"), arguments{"--verbose"});
}

TEST(a_configuration, with_a_line_that_is_none_is_refused_and_the_line_named) {
  EXPECT_TRUE(bad("verbose\n\n= value\n").starts_with("f:3: "));
  EXPECT_TRUE(bad("--export = /srv").starts_with("f:1: ")) << "names have no dashes in front";
  for (const char* line : {"Export = x", "ex port = x", "export: x", "-", "1", "export_ = x"})
    bad(line);
  bad(std::string_view("export = a\0b", 12));
  bad(std::string_view("ver\0bose", 8));
  EXPECT_TRUE(bad("export = a\nexport = b\n").starts_with("f:2: ")) << "twice";
  EXPECT_TRUE(bad("config = other").starts_with("f:1: "));
}

TEST(a_configuration, is_read_from_a_regular_file_of_bounded_size) {
  const scratch_directory scratch;
  const auto read = read_config(scratch.file("f", "verbose\n"));
  ASSERT_TRUE(read) << read.why();
  EXPECT_EQ(*read, arguments{"--verbose"});
  EXPECT_FALSE(read_config(scratch.path() / "nothing"));
  EXPECT_FALSE(read_config(scratch.path()));
  EXPECT_FALSE(read_config("/dev/null"));
  ASSERT_EQ(::mkfifo((scratch.path() / "fifo").c_str(), 0600), 0);
  EXPECT_FALSE(read_config(scratch.path() / "fifo")) << "and it does not wait for a writer";
  EXPECT_TRUE(read_config(scratch.file("most", std::string(64 * 1024, '\n'))));
  EXPECT_FALSE(read_config(scratch.file("more", std::string(64 * 1024 + 1, '\n'))));
  const auto wrong = read_config(scratch.file("wrong", "\n?\n"));
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.why().find("wrong:2: "), std::string::npos) << wrong.why();
}

}  // namespace
}  // namespace sfs::test
