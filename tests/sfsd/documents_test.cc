// The documents, held to what they are about: the manual pages to what the programs say of
// themselves, the sample configurations to what the programs take, and docs/security.md to the
// tests that there are.
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

#include "tests/sfsd/repository.h"
#include "tests/sfsd/server_support.h"

namespace sfs::test {
namespace {

std::vector<std::filesystem::path> pages() {
  std::vector<std::filesystem::path> all;
  for (const auto& file : std::filesystem::directory_iterator(repository() / "examples/sfsd/man"))
    all.push_back(file.path());
  std::ranges::sort(all);
  return all;
}

// Whether each option has a value.
using options = std::map<std::string, bool>;

// The lines of a help that begin with an option: "  --name VALUE     what it does".
options options_of_help(const std::string& help) {
  static const std::regex line(R"((^|\n)  (--?[a-z][a-z-]*)( [^ \n]+)?)");
  options found;
  for (std::sregex_iterator i(help.begin(), help.end(), line), end; i != end; ++i)
    found[(*i)[2]] = (*i)[3].matched;
  return found;
}

// The items of a page's lists that begin with an option: ".It Fl -name Ar VALUE".
options options_of_page(const std::string& page) {
  static const std::regex line(R"(\n\.It Fl (-?[a-z][a-z-]*)( Ar [^\n]+)?(?=\n))");
  options found;
  for (std::sregex_iterator i(page.begin(), page.end(), line), end; i != end; ++i)
    found["-" + (*i)[1].str()] = (*i)[2].matched;
  return found;
}

TEST(a_manual_page, has_the_options_that_the_program_has) {
  std::size_t programs = 0;
  for (const auto& page : pages()) {
    const std::string name = page.stem();
    if (!std::filesystem::exists(program(name))) continue;  // of a file, or not built
    ++programs;
    const options said = options_of_help(run_program({name, "--help"}).output);
    EXPECT_GT(said.size(), 3u) << name;
    EXPECT_EQ(options_of_page(text_of_file(page)), said) << page;
  }
  EXPECT_GE(programs, 5u);
}

TEST(a_manual_page, is_one_that_mandoc_has_nothing_to_say_about) {
  for (const auto& page : pages()) {
    const finished f = child_process({"/usr/bin/mandoc", "-Tlint", "-Wwarning", page}).finish();
    EXPECT_EQ(f.status, 0) << f.output << f.errors;
  }
}

TEST(a_manual_page, names_only_pages_that_there_are) {
  static const std::regex reference(R"(\n\.Xr (sfs\w*) (\d))");
  for (const auto& page : pages()) {
    const std::string text = text_of_file(page);
    for (std::sregex_iterator i(text.begin(), text.end(), reference), end; i != end; ++i) {
      const std::string other = (*i)[1].str() + "." + (*i)[2].str();
      EXPECT_TRUE(std::filesystem::exists(page.parent_path() / other)) << page << ": " << other;
    }
  }
}

// --- The sample configurations ---

std::filesystem::path sample(const std::string& name) {
  return repository() / "examples/sfsd/systemd" / name;
}

// The sample with its defaults, which are comments, as options.
std::string with_defaults(const std::string& name) {
  static const std::regex is_default(R"(\n#(?=[a-z]))");
  return std::regex_replace(text_of_file(sample(name)), is_default, "\n");
}

TEST(a_sample_configuration, starts_a_server_and_its_defaults_do) {
  const scratch_directory scratch;
  const std::string key = scratch.path() / "key", users = scratch.file("users", "");
  ASSERT_EQ(run_program({"sfskey", "gen", "--location", "127.0.0.1", key}).status, 0);
  std::string defaults = with_defaults("sfsd.conf");
#if defined(ASYNC_UNIPROCESSOR)
  defaults += "parallel = none\n";
#endif
  for (const std::string& config :
       {sample("sfsd.conf").string(), scratch.file("all.conf", defaults).string()}) {
    child_process server({program("sfsd"), "--config", config, "--key", key, "--users", users,
                          "--export", scratch.directory("export"), "--listen", "127.0.0.1:0"});
    EXPECT_TRUE(server.read_line().starts_with("serving ")) << config;
    ::kill(server.pid(), SIGTERM);
    const finished f = server.finish();
    EXPECT_EQ(f.status, 0) << f.errors;
  }
}

TEST(a_sample_configuration, is_one_that_the_client_daemon_takes) {
  const scratch_directory scratch;
  const std::string all = scratch.file("all.conf", with_defaults("sfscd.conf"));
  for (const std::string& config : {sample("sfscd.conf").string(), all}) {
    // Options first, then the path: what is wrong here is the path alone.
    const finished f = run_program({"sfscd", "--config", config, "--listen", "0", "/nowhere"});
    EXPECT_EQ(f.status, 2);
    EXPECT_NE(f.errors.find("/nowhere: a self-certifying path"), std::string::npos) << f.errors;
  }
}

TEST(a_sample_configuration, mounts_with_options_of_the_program_or_of_fstab_alone) {
  const std::set<std::string> of_fstab{"noauto", "user", "_netdev"};
  const options known =
      options_of_page(text_of_file(repository() / "examples/sfsd/man/sfsmount.8"));
  static const std::regex line(R"(\n/sfs/\S+ \S+ fuse\.sfsmount (\S+) )"), word("[^,]+");
  const std::string text = text_of_file(sample("fstab"));
  std::size_t lines = 0;
  for (std::sregex_iterator i(text.begin(), text.end(), line), end; i != end; ++i, ++lines) {
    const std::string all = (*i)[1];
    for (std::sregex_iterator o(all.begin(), all.end(), word); o != end; ++o) {
      const std::string name = o->str().substr(0, o->str().find('='));
      EXPECT_TRUE(of_fstab.contains(name) || known.contains("--" + name)) << o->str();
    }
  }
  EXPECT_EQ(lines, 2u);
}

// --- docs/security.md ---

bool is_a_test(const std::string& suite, const std::string& name) {
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite& s = *all.GetTestSuite(i);
    const std::string its_name = s.name();  // with parameters: INSTANCE/SUITE, NAME/PARAMETER
    if (its_name != suite && !its_name.ends_with("/" + suite)) continue;
    for (int j = 0; j < s.total_test_count(); ++j) {
      const std::string test = s.GetTestInfo(j)->name();
      if (test == name || test.starts_with(name + "/")) return true;
    }
  }
  return false;
}

TEST(the_threat_model, names_tests_that_there_are) {
  static const std::regex test_name(R"(`([a-z]\w*)\.([a-z]\w{2,})`)");
  const std::string text = text_of_file(repository() / "docs/security.md");
  std::size_t named = 0;
  for (std::sregex_iterator i(text.begin(), text.end(), test_name), end; i != end; ++i, ++named)
    EXPECT_TRUE(is_a_test((*i)[1], (*i)[2])) << (*i)[0];
  EXPECT_GT(named, 50u);
}

// Each file that it names, with the functions in it: `folder/file.cc` (`one`, `other`).
TEST(the_threat_model, names_code_that_there_is) {
  static const std::regex code(R"(`([a-z]+/\w+\.(cc|h))`(?:\s+\(((?:`[\w:~]+`(?:,\s+)?)+)\))?)");
  static const std::regex function(R"([\w~]+(?=`))");
  const std::string text = text_of_file(repository() / "docs/security.md");
  for (std::sregex_iterator i(text.begin(), text.end(), code), end; i != end; ++i) {
    const auto file = repository() / "examples/sfsd" / (*i)[1].str();
    ASSERT_TRUE(std::filesystem::exists(file)) << file;
    const std::string functions = (*i)[3], source = text_of_file(file);
    for (std::sregex_iterator f(functions.begin(), functions.end(), function); f != end; ++f)
      EXPECT_NE(source.find(f->str()), std::string::npos) << file << ": " << f->str();
  }
}

}  // namespace
}  // namespace sfs::test
