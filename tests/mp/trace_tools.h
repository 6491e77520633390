// What the tests of traces share: a trace's picture as plain vectors, and the program that checks
// files.
//
// Serves stages 3 to 5, traced.
//
// Thread safety: by the test's own thread.
#pragma once

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "mp/detail/trace_picture.h"
#include "mp/trace.h"
#include "tests/mp/tools.h"

namespace async::test {

struct recorded_trace : detail::trace_reader {
  explicit recorded_trace(const detail::trace_session& session) {
    const detail::trace_picture picture(session);
    cpus = picture.cpus();
    dropped = picture.dropped();
    picture.read(*this);
  }

  void began(const detail::trace_run& run) override { begun.push_back(run.id); }
  void ended(const detail::trace_run& run) override { runs.push_back(run); }
  void was_idle(unsigned, std::uint64_t, std::uint64_t, bool slept) override { sleeps += slept; }
  void unfinished(const detail::trace_run& run) override { going_on.push_back(run); }
  void not_run(const detail::trace_post& post) override { unrun.push_back(post); }

  // The runs of callbacks with this site's line, in the order of their ends.
  std::vector<detail::trace_run> of_line(unsigned line) const {
    std::vector<detail::trace_run> result;
    for (const auto& run : runs) {
      if (run.site.line() == line) result.push_back(run);
    }
    return result;
  }

  std::vector<int> cpus;
  std::uint64_t dropped = 0;
  std::vector<detail::trace_run_id> begun;
  std::vector<detail::trace_run> runs;
  std::vector<detail::trace_run> going_on;
  std::vector<detail::trace_post> unrun;
  unsigned sleeps = 0;
};

inline recorded_trace read_trace() { return recorded_trace(*detail::last_trace()); }

// A directory of its own for each test, gone afterwards.
class temporary_folder {
 public:
  temporary_folder() {
    std::string name = (build_dir() / "trace-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder: " + name);
    folder_ = name;
  }
  ~temporary_folder() { std::filesystem::remove_all(folder_); }
  std::string operator/(const char* file) const { return (folder_ / file).string(); }

 private:
  std::filesystem::path folder_;
};

inline std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct checked {
  bool right = false;
  std::string said;
};

// Runs a test of this program, by its full name, in a program of its own with these variables
// before all others. Its status, as of waitpid().
inline int run_test(const std::string& test, const std::vector<std::string>& environment) {
  std::string filter = "--gtest_filter=" + test;
  std::string all = "--gtest_also_run_disabled_tests", name = "/proc/self/exe";
  char* arguments[] = {name.data(), filter.data(), all.data(), nullptr};
  std::vector<std::string> kept = environment;
  for (char** one = environ; *one != nullptr; ++one) {
    if (!std::string_view(*one).starts_with("GTEST_")) kept.emplace_back(*one);
  }
  std::vector<char*> pointers;
  for (std::string& one : kept) pointers.push_back(one.data());
  pointers.push_back(nullptr);
  pid_t pid = 0;
  const std::string program = std::filesystem::read_symlink(name).string();
  if (posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments, pointers.data()) != 0) {
    throw std::runtime_error("cannot run " + program);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

// What tools/check_trace says of a file.
inline checked check_trace(const std::string& file) {
  auto place = build_dir();
  while (!exists(place / "SConstruct")) place = place.parent_path();
  const std::string said = file + ".said";
  const std::string command = "python3 '" + (place / "tools/check_trace").string() + "' '" + file +
                              "' >'" + said + "' 2>&1";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) && WEXITSTATUS(status) == 0, text_of(said)};
}

}  // namespace async::test
