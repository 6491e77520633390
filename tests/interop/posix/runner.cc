// Runs the cases of the POSIX suite, each in a process and a directory of its own.
#include "tests/interop/posix/runner.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <vector>

#include "tests/interop/posix/files.h"
#include "tests/interop/posix/harness.h"

namespace posix {
namespace {

constexpr unsigned longest_case = 300;  // seconds

struct one_case {
  const char* name;
  needs what;
  void (*run)();
};

// By the groups' names; the cases of one are in the order of their source.
std::map<std::string, std::vector<one_case>>& groups() {
  static std::map<std::string, std::vector<one_case>> all;
  return all;
}

int clock_fd = -1;

[[noreturn]] void in_child(const one_case& c, const std::string& directory) {
  alarm(longest_case);
  umask(0);
  try {
    must(chdir(directory.c_str()) == 0, "chdir() into the case's directory", where::current());
    c.run();
  } catch (const stopped&) {
  } catch (const std::exception& e) {
    check(false, e.what());
  }
  _exit(0);
}

void run_case(const std::string& group, const one_case& c, const std::string& directory) {
  context name{group, '.', c.name};
  if (c.what == needs::root && geteuid() != 0) return skip("not root");
  if (mkdir(directory.c_str(), 0755) != 0) {
    check(false, "mkdir() of the case's directory");
    return;
  }
  pid_t child = fork();
  if (child == 0) in_child(c, directory);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) {
    check(false, "a process for the case");
  } else if (status != 0) {
    context how{WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it exited"};
    check(false, "the case comes to its end");
  }
  if (!remove_tree(directory)) check(false, "the case's directory can be removed");
}

// Returns how many failed.
long run_group(const std::string& group, const std::string& top) {
  tally& t = counts();
  const long passed = t.passed, failed = t.failed, skipped = t.skipped;
  t.reasons[0] = 0;
  int index = 0;
  for (const one_case& c : groups().at(group)) {
    run_case(group, c, top + "/" + group + std::to_string(index++));
  }
  printf("%s: %ld passed, %ld failed, %ld skipped", group.c_str(), t.passed - passed,
         t.failed - failed, t.skipped - skipped);
  printf(t.reasons[0] ? " (%s)\n" : "%s\n", t.reasons);
  fflush(stdout);
  return t.failed - failed;
}

}  // namespace

registration::registration(const char* group, const char* name, needs what, void (*run)()) {
  groups()[group].push_back({name, what, run});
}

bool is_group(const std::string& name) { return groups().contains(name); }

void list_groups() {
  for (const auto& [group, cases] : groups()) {
    printf("%s\n", group.c_str());
    for (const auto& c : cases) printf("  %s\n", c.name);
  }
}

int clock_file() { return clock_fd; }

int run_suite() {
  const std::string top = given().directory + "/posix_suite." + std::to_string(getpid());
  const std::string clock = top + "/clock";
  if (mkdir(top.c_str(), 0755) != 0 || chmod(top.c_str(), 0755) != 0 ||
      (clock_fd = open(clock.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0) {
    perror(top.c_str());
    return 2;
  }
  if (geteuid() != 0) printf("not root: the cases that need other users are skipped\n");
  fflush(stdout);
  for (const auto& [group, cases] : groups()) {
    bool chosen = given().only.empty() || given().only.contains(group);
    if (chosen && !given().skip.contains(group)) run_group(group, top);
  }
  close(clock_fd);
  if (!remove_tree(top)) check(false, "the suite's directory can be removed");
  const tally& t = counts();
  printf("%ld passed, %ld failed, %ld skipped\n", t.passed.load(), t.failed.load(),
         t.skipped.load());
  return t.failed ? 1 : 0;
}

}  // namespace posix
