// The documents, held to what they are about.
#include <map>
#include <regex>

#include "tests/httpd/support.h"

namespace httpd::test {
namespace {

std::map<std::string, bool> options_in(const std::string& text, const char* pattern) {
  const std::regex line(pattern);
  std::map<std::string, bool> found;
  for (std::sregex_iterator i(text.begin(), text.end(), line), end; i != end; ++i)
    found[(*i)[1]] = (*i)[2].matched;
  return found;
}

TEST(the_manual_page, has_the_options_that_the_program_has) {
  const std::string help = program({httpd_program(), "--help"}).finish().second;
  const std::string page = text_of_file(repository() / "examples/httpd/man/httpd.8");
  const auto said = options_in(help, R"(\n  --([a-z][a-z-]*)( [^ \n]+)?)");
  EXPECT_GT(said.size(), 10u);
  EXPECT_EQ(options_in(page, R"(\n\.It Fl -([a-z][a-z-]*)( Ar [^\n]+)?(?=\n))"), said);
}

TEST(the_manual_page, is_one_that_mandoc_has_nothing_to_say_about) {
  const auto [status, output] = program({"/usr/bin/mandoc", "-Tlint", "-Wwarning",
                                         repository() / "examples/httpd/man/httpd.8"})
                                    .finish();
  EXPECT_EQ(status, 0) << output;
}

TEST(the_table_of_coloring_steps, has_the_lines_that_are_marked) {
  const auto [status, output] =
      program({repository() / "tools/colored_lines", repository() / "examples/httpd", "--check"})
          .finish();
  EXPECT_EQ(status, 0) << output;
}

TEST(a_wrong_command_line, is_told_so) {
  const scratch_directory files;
  const std::string root = files.path();
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{},
                                             {"--root"},
                                             {"--rot", root},
                                             {"--root", root, "--listen", "x"},
                                             {"--root", root, "--listen", "127.0.0.1:99999"},
                                             {"--root", root, "--parallel", "some"},
                                             {"--root", root, "--misspelt"},
                                             {"--root", root + "/none"},
                                             {"--root", root, "--log", "/none/log"}}) {
    std::vector<std::string> all{httpd_program()};
    all.insert(all.end(), words.begin(), words.end());
    const auto [status, output] = program(all).finish();
    EXPECT_TRUE(status == 1 || status == 2) << output;
    EXPECT_TRUE(output.starts_with("httpd: ")) << output;
  }
}

}  // namespace
}  // namespace httpd::test
