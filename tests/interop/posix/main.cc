// posix_suite: checks that a directory behaves as POSIX and the manual pages of Linux say. Serves
// no stage.
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/interop/posix/harness.h"

namespace posix {
namespace {

const char* const usage =
    R"(usage: posix_suite [OPTION...] DIRECTORY

Makes a directory of its own in DIRECTORY, works in it, and removes it. Prints a line for each
failed check and for each group, and at last `N passed, N failed, N skipped`. The exit status is 1
if a check failed, 2 if the suite could not run.

  --other-fs DIR       a writable directory of another file system (otherwise /dev/shm)
  --read-only DIR      a directory of a file system that is mounted read-only
  --only GROUP         only this group; may be repeated
  --skip GROUP         not this group; may be repeated
  --without FEATURE    what the file system is known to lack; may be repeated
  --entries N          of the large directory (otherwise 10000)
  --list               list the groups, their cases, and the features
  --verbose            show the checks that pass, too
)";

[[noreturn]] void wrong(const std::string& why) {
  fprintf(stderr, "posix_suite: %s\n", why.c_str());
  exit(2);
}

[[noreturn]] void list() {
  list_groups();
  printf("\nfeatures:\n");
  for (const auto& f : features()) printf("  %-20s %s\n", f.name, f.words);
  exit(0);
}

feature feature_named(const std::string& name) {
  for (const auto& f : features()) {
    if (f.name == name) return f.what;
  }
  wrong("no such feature: " + name);
}

std::string group_named(const std::string& name) {
  if (!is_group(name)) wrong("no such group: " + name);
  return name;
}

bool set_option(const std::string& name, const std::string& value) {
  settings& s = given();
  if (name == "--other-fs") return s.other_fs = value, true;
  if (name == "--read-only") return s.read_only = value, true;
  if (name == "--only") return s.only.insert(group_named(value)), true;
  if (name == "--skip") return s.skip.insert(group_named(value)), true;
  if (name == "--without") return s.without.insert(feature_named(value)), true;
  if (name != "--entries") return false;
  char* end;
  s.entries = strtol(value.c_str(), &end, 10);
  if (value.empty() || *end || s.entries < 10 || s.entries > 10'000'000)
    wrong("--entries " + value);
  return true;
}

void read_command_line(int argc, char** argv) {
  settings& s = given();
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "--help" || word == "-h") {
      printf("%s", usage);
      exit(0);
    }
    if (word == "--list") list();
    if (word == "--verbose") {
      s.verbose = true;
    } else if (!word.starts_with("-") && s.directory.empty()) {
      s.directory = word;
    } else if (i + 1 == argc || !set_option(word, argv[++i])) {
      wrong("--help tells the options; not understood: " + word);
    }
  }
  if (s.directory.empty()) wrong("no directory is given; --help tells the options");
}

std::string absolute(const std::string& path) {
  char* real = realpath(path.c_str(), nullptr);
  struct stat s;
  if (!real || stat(real, &s) != 0 || !S_ISDIR(s.st_mode)) wrong(path + ": not a directory");
  std::string all = real;
  free(real);
  return all;
}

void resolve_directories() {
  settings& s = given();
  s.directory = absolute(s.directory);
  if (!s.read_only.empty()) s.read_only = absolute(s.read_only);
  struct stat here, other;
  bool asked = !s.other_fs.empty();
  if (!asked) s.other_fs = "/dev/shm";
  if (stat(s.directory.c_str(), &here) != 0) wrong(s.directory);
  if (stat(s.other_fs.c_str(), &other) != 0 || here.st_dev == other.st_dev) {
    if (asked) wrong(s.other_fs + ": not a directory of another file system");
    s.other_fs.clear();
  }
  if (!s.other_fs.empty()) s.other_fs = absolute(s.other_fs);
}

}  // namespace
}  // namespace posix

int main(int argc, char** argv) {
  posix::read_command_line(argc, argv);
  posix::resolve_directories();
  return posix::run_suite();
}
