// The files of traces: what the checker program finds wrong, and when the environment's ASYNC_TRACE
// has one written.
//
// Serves stages 3 to 5, traced.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <system_error>
#include <vector>

#include "tests/mp/trace_tools.h"

namespace async::test {
namespace {

void run_some(unsigned callbacks) {
  for (unsigned i = 0; i != callbacks; ++i) post(color(i % 3), [] { post(color(5), [] {}); });
  post(color(6), [callbacks] {
    for (unsigned i = 0; i != 3 * callbacks; ++i) post(color(7), [] {});
    post(color(7), [] { post(color(8), [] { stop(); }); });
  });
  runtime({.cpus = 1}).run();
}

TEST(trace_write, says_so_if_the_file_cannot_be_written) {
  trace_start();
  EXPECT_THROW(trace_write("/no such folder/trace.json"), std::system_error);
  EXPECT_THROW(trace_write("/dev/full"), std::system_error);
  trace_stop();
}

TEST(trace_write, may_write_into_a_pipe) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  trace_start();
  trace_stop();
  trace_write("/proc/self/fd/" + std::to_string(ends[1]));
  close(ends[1]);
  char first = 0;
  EXPECT_EQ(read(ends[0], &first, 1), 1);
  EXPECT_EQ(first, '{');
  close(ends[0]);
}

// The checker

// Replaces the first `what` behind `from`.
std::string with(std::string text, const std::string& from, const std::string& what,
                 const std::string& by) {
  const std::size_t place = text.find(what, text.find(from));
  if (place == std::string::npos) throw std::runtime_error("there is no " + what);
  return text.replace(place, what.size(), by);
}

// Without the first line that has `what`.
std::string without_line(const std::string& text, const std::string& what) {
  const std::size_t place = text.find(what);
  if (place == std::string::npos) throw std::runtime_error("there is no " + what);
  const std::size_t begin = text.rfind('\n', place), end = text.find('\n', place);
  return text.substr(0, begin) + text.substr(end);
}

TEST(trace_checker, finds_what_is_wrong_with_a_file) {
  const temporary_folder folder;
  const std::string file = folder / "trace.json";
  trace_start();
  run_some(10);
  trace_stop();
  trace_write(file);
  const checked result = check_trace(file);
  ASSERT_TRUE(result.right) << result.said;
  const std::string right = text_of(file);
  const std::string run = R"("ph":"B")", end = R"("ph":"E")";
  for (const auto& [wrong, said] : std::vector<std::pair<std::string, std::string>>{
           {without_line(right, run), "an end without a beginning"},
           {without_line(right, end), "has no end"},
           {without_line(right, R"("ph":"s")"), "0 beginnings"},
           {without_line(right, R"("ph":"f")"), "0 ends"},
           {without_line(right, R"("ph":"X","pid":2)"), "in the lane of its color"},
           {with(right, run, R"("run":3,)", R"("run":2,)"), "twice"},
           {with(right, run, R"("by":)", R"("by":99999)"), "which is not there"},
           {with(right, run, R"("waited_for_cpu":)", R"("waited_for_cpu":9)"), "does not sum up"},
           {with(right, end, R"("cpu":)", R"("cpu":9)"), "are not its length"},
           {with(right, end, R"("ts":)", R"("ts":9999999)"), "time goes back"},
           {with(right, "otherData", R"("dropped":)", R"("other":)"), "is not told"},
           {with(right, "otherData", R"("runs":)", R"("runs":1)"), "the file counts"},
           {right.substr(0, right.size() / 2), "JSON"},
       }) {
    const std::string changed = folder / "changed.json";
    std::ofstream(changed) << wrong;
    const checked found = check_trace(changed);
    EXPECT_FALSE(found.right) << said;
    EXPECT_NE(found.said.find(said), std::string::npos) << said << ":\n" << found.said;
  }
}

// ASYNC_TRACE. The traced program is this one, of which it runs the test that is named.

int run_traced(const std::string& test, const std::vector<std::string>& environment) {
  return run_test("traced_program.DISABLED_" + test, environment);
}

TEST(traced_program, DISABLED_runs_and_returns) { run_some(10); }

TEST(traced_program, DISABLED_exits_within_a_callback) {
  post(color(1), [] {
    // As for who is written about here, not for what else is checked at the end of a program.
    std::exit(0);
  });
  runtime({.cpus = 1}).run();
}

TEST(traced_program, DISABLED_is_killed_in_its_second_runtime) {
  run_some(10);
  post(color(1), [] { kill(getpid(), SIGKILL); });
  runtime({.cpus = 1}).run();
}

TEST(traced_program, DISABLED_forks) {
  const pid_t child = fork();
  if (child == 0) {
    const bool traced = tracing();
    run_some(1);
    _exit(traced);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  run_some(10);
}

TEST(trace_environment, has_a_file_written_when_the_runtime_has_finished) {
  const temporary_folder folder;
  const std::string file = folder / "trace.json";
  EXPECT_EQ(run_traced("runs_and_returns", {"ASYNC_TRACE=" + file}), 0);
  const checked result = check_trace(file);
  EXPECT_TRUE(result.right) << result.said;
  // Ten, their ten, the one that posts further 31, and the two that end it.
  EXPECT_NE(result.said.find("53 runs"), std::string::npos) << result.said;
  EXPECT_NE(result.said.find("53 arrows"), std::string::npos) << result.said;
}

TEST(trace_environment, says_at_once_if_there_is_no_such_folder) {
  const temporary_folder folder;
  const std::string file = folder / "none/trace.json";
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_traced("runs_and_returns", {"ASYNC_TRACE=" + file}), 0);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "exe: ASYNC_TRACE: " + file + ": there is no such folder, as yet\n" +
                "exe: ASYNC_TRACE: " + file + ": No such file or directory\n");
}

TEST(trace_environment, has_a_file_written_when_a_callback_exits) {
  const temporary_folder folder;
  const std::string file = folder / "trace.json";
  EXPECT_EQ(run_traced("exits_within_a_callback", {"ASYNC_TRACE=" + file}), 0);
  const checked result = check_trace(file);
  EXPECT_TRUE(result.right) << result.said;
  EXPECT_NE(result.said.find("1 unfinished"), std::string::npos) << result.said;
}

TEST(trace_environment, leaves_what_was_written_before_if_the_program_is_killed) {
  const temporary_folder folder;
  const std::string file = folder / "trace.json";
  EXPECT_TRUE(WIFSIGNALED(run_traced("is_killed_in_its_second_runtime", {"ASYNC_TRACE=" + file})));
  const checked result = check_trace(file);
  EXPECT_TRUE(result.right) << result.said;
  EXPECT_NE(result.said.find("53 runs"), std::string::npos) << result.said;
}

TEST(trace_environment, is_not_for_forked_children) {
  const temporary_folder folder;
  const std::string file = folder / "trace.json";
  EXPECT_EQ(run_traced("forks", {"ASYNC_TRACE=" + file}), 0);
  const checked result = check_trace(file);
  EXPECT_TRUE(result.right) << result.said;
  EXPECT_NE(result.said.find("53 runs"), std::string::npos) << result.said;
}

TEST(trace_environment, bounds_the_memory_and_names_the_file_by_the_process) {
  const temporary_folder folder;
  EXPECT_EQ(
      run_traced("runs_and_returns", {"ASYNC_TRACE=" + folder / "%p.json", "ASYNC_TRACE_MIB=1"}),
      0);
  unsigned files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "")) {
    EXPECT_EQ(entry.path().extension(), ".json");
    EXPECT_GT(std::stoi(entry.path().stem().string()), 1);
    ++files;
  }
  EXPECT_EQ(files, 1u);
}

}  // namespace
}  // namespace async::test
