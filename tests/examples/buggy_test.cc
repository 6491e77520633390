// The buggy examples show their bug in each run, and the tools say what the examples' comments say.
#include <gtest/gtest.h>

#include <string>

#include "tests/examples/comments.h"
#include "tests/examples/program.h"
#include "tests/support/support.h"

namespace async::test {
namespace {

#if !defined(ASYNC_UNIPROCESSOR)  // where two callbacks never overlap

TEST(buggy_shared_counter, loses_an_update_with_two_colors) {
  const program_result result = run("buggy_shared_counter");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, promised_output("buggy_shared_counter"));
  EXPECT_EQ(result.out, "expected 2, actual 1\n");
}

TEST(buggy_shared_counter, loses_none_with_one_color) {
  const program_result result = run("buggy_shared_counter", {.arguments = {"fixed"}});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "expected 2, actual 2\n");
  EXPECT_EQ(result.err, "");
}

TEST(buggy_shared_counter, is_reported_by_thread_sanitizer) {
  const program_result result = run("buggy_shared_counter", {.arguments = {"race"}});
  if (under_tsan) {
    EXPECT_EQ(result.status, 66);
    EXPECT_NE(result.err.find("WARNING: ThreadSanitizer: data race"), std::string::npos);
    EXPECT_NE(result.err.find("add_many"), std::string::npos) << result.err;
  } else {  // how many updates are lost is luck
    EXPECT_EQ(result.status, 0);
    EXPECT_TRUE(result.out.starts_with("expected 2000000, actual ")) << result.out;
  }
}

#endif

// The milliseconds in "heartbeat, N ms late".
int lateness(const std::string& line) {
  const std::string before = "heartbeat, ";
  EXPECT_TRUE(line.starts_with(before) && line.ends_with(" ms late")) << line;
  return std::stoi(line.substr(before.size()));
}

TEST(buggy_blocking_call, holds_up_what_was_posted_before_it) {
  program blocking("buggy_blocking_call");
  EXPECT_EQ(blocking.read_line(), "answer 42");
  EXPECT_GE(lateness(blocking.read_line()), 300);
  EXPECT_EQ(blocking.finish().status, 0);
}

TEST(buggy_blocking_call, holds_up_nothing_once_it_watches_the_fd_instead) {
  program watching("buggy_blocking_call", {.arguments = {"fixed"}});
  lateness(watching.read_line());
  EXPECT_EQ(watching.read_line(), "answer 42");
  EXPECT_EQ(watching.finish().status, 0);
}

}  // namespace
}  // namespace async::test
