// The color checker finds each planted mistake in each run, on one CPU as on two, and its report
// names the call sites of both callbacks.
//
// Serves no stage: mp/detail/fibers.h is what is tested.
#include <gtest/gtest.h>

#if defined(ASYNC_CHECK_COLORS)

#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/support.h"

namespace async::test {
namespace {

struct result {
  int status = -1;  // the exit status
  std::string text;
};

// Runs the program of mistakes, without the names of functions: those take long to find.
result planted(const std::string& arguments) {
  const std::string command =
      "unset GTEST_SHARD_INDEX GTEST_TOTAL_SHARDS; "
      "TSAN_OPTIONS=\"$TSAN_OPTIONS symbolize=0 atexit_sleep_ms=0\" exec " +
      (build_dir() / "tests/planted").string() + " " + arguments + " 2>&1";
  FILE* const output = popen(command.c_str(), "r");
  if (output == nullptr) throw std::runtime_error("popen");
  result r;
  char buffer[4096];
  while (const std::size_t bytes = fread(buffer, 1, sizeof buffer, output)) {
    r.text.append(buffer, bytes);
  }
  const int status = pclose(output);
  if (WIFEXITED(status)) r.status = WEXITSTATUS(status);
  return r;
}

std::vector<std::string> all_mistakes() {
  std::vector<std::string> names;
  const std::string text = planted("").text;
  for (std::size_t at = 0, end; (end = text.find('\n', at)) != text.npos; at = end + 1) {
    names.push_back(text.substr(at, end - at));
  }
  return names;
}

// The tree with the sources, to which this program belongs.
std::filesystem::path source_dir() {
  std::filesystem::path place = build_dir();
  while (!exists(place / "SConstruct")) place = place.parent_path();
  return place;
}

// "FILE:LINE" of each line with the comment, as reports name it.
std::string place_of(const std::string& comment) {
  for (const char* name : {"memory.cc", "events.cc"}) {
    std::ifstream file(source_dir() / "tests/checker/planted" / name);
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
      if (line.find(comment) != line.npos) return std::string(name) + ':' + std::to_string(number);
    }
  }
  throw std::runtime_error("no call site " + comment);
}

class a_mistake : public testing::TestWithParam<std::string> {};

TEST_P(a_mistake, is_found_in_20_of_20_runs_on_one_and_on_two_cpus_with_both_call_sites) {
  const std::string first = place_of('[' + GetParam() + ".1]");
  const std::string second = place_of('[' + GetParam() + ".2]");
  for (const char* cpus : {" 1", " 2"}) {
    for (int run = 0; run < 20; ++run) {
      const result r = planted(GetParam() + cpus);
      ASSERT_EQ(r.status, 66) << "run " << run << " on" << cpus << " CPUs\n" << r.text;
      ASSERT_NE(r.text.find("WARNING: ThreadSanitizer: "), r.text.npos) << r.text;
      for (const std::string& place : {first, second}) {
        ASSERT_NE(r.text.find(place), r.text.npos) << place << " is not in\n" << r.text;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(planted, a_mistake, testing::ValuesIn(all_mistakes()),
                         [](const auto& its) { return its.param; });

}  // namespace
}  // namespace async::test

#endif
