// The examples that end by themselves print what their first comment says.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "tests/examples/comments.h"
#include "tests/examples/program.h"

namespace async::test {
namespace {

void expect_promised_output(const std::string& name) {
  const program_result result = run(name);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, promised_output(name));
  EXPECT_EQ(result.err, "");
}

TEST(examples, take_30_to_80_lines_and_open_with_their_aim_use_and_output) {
  int lessons = 0;
  for (const example& one : all_examples()) {
    SCOPED_TRACE(one.name);
    if (one.name == "readme_server") continue;  // README.md is its comment
    const bool buggy = one.name.starts_with("buggy_");
    EXPECT_TRUE(one.comment.starts_with(buggy ? "BUGGY on purpose: " : "Teaches: "));
    EXPECT_NE(one.comment.find("\nRun:     build/release/examples/" + one.name), std::string::npos);
    EXPECT_NE(one.comment.find("\nPrints:  "), std::string::npos);
    EXPECT_EQ(one.comment.find("\nWhat the tools say: ") != std::string::npos, buggy);
    const auto lines = std::count(one.source.begin(), one.source.end(), '\n');
    EXPECT_GE(lines, 30);
    EXPECT_LE(lines, 80);
    lessons += !buggy;
  }
  EXPECT_GE(lessons, 9);
}

TEST(timer_example, ticks_three_times_and_does_not_run_the_timer_it_removed) {
  expect_promised_output("01_timer");
}

TEST(signals_and_children_example, is_told_of_the_signal_and_of_the_childs_end) {
  expect_promised_output("02_signals_and_children");
}

TEST(wrap_example, keeps_what_is_bound_as_long_as_its_callback) {
  expect_promised_output("03_wrap");
}

TEST(beside_the_loop_example, reads_a_file_runs_a_child_and_has_work_done) {
  expect_promised_output("11_beside_the_loop");
}

TEST(exploration_example, finds_the_order_that_overdraws_the_account_and_none_when_it_is_mended) {
  const program_result result = run("14_exploration");
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(result.out.starts_with("overdrawn\nin schedule \"")) << result.out;
  EXPECT_TRUE(result.out.ends_with("\nno order overdraws the account\n")) << result.out;
  EXPECT_NE(result.out.find("14_exploration.cc:"), std::string::npos);
}

TEST(fork_join_example, finds_the_same_primes_on_any_number_of_cpus) {
  for (const char* cpus : {"ASYNC_NCPU=1", "ASYNC_NCPU=2", "ASYNC_NCPU=5"}) {
    SCOPED_TRACE(cpus);
    const program_result result = run("08_fork_join", {.environment = {cpus}});
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.out, promised_output("08_fork_join"));
  }
}

TEST(fork_join_example, takes_the_limit_from_its_argument) {
  EXPECT_EQ(run("08_fork_join", {.arguments = {"100"}}).out, "primes below 100: 25\n");
}

// What 09_pipeline makes of a line.
std::string hashed(int number, const std::string& line) {
  unsigned hash = 0;
  for (const unsigned char c : line) hash = hash * 31 + c;
  char text[32];
  std::snprintf(text, sizeof text, "%d %08x ", number, hash);
  return text + line + '\n';
}

TEST(pipeline_example, keeps_the_order_of_more_lines_than_it_lets_be_on_their_way) {
  std::string input, expected;
  for (int i = 1; i <= 20'000; ++i) {
    const std::string line = "line " + std::to_string(i * i % 1009);
    input += line + '\n';
    expected += hashed(i, line);
  }
  for (const char* cpus : {"ASYNC_NCPU=1", "ASYNC_NCPU=2", "ASYNC_NCPU=4"}) {
    SCOPED_TRACE(cpus);
    const program_result result = run("09_pipeline", {.environment = {cpus}, .input = input});
    EXPECT_EQ(result.status, 0);
    EXPECT_TRUE(result.out == expected);  // too long to be shown
  }
}

TEST(pipeline_example, ends_with_an_empty_input) {
  const program_result result = run("09_pipeline");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "");
}

TEST(pipeline_example, reads_a_pipe_and_a_last_line_without_a_newline) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const owned_fd input(ends[0]);
  {
    const owned_fd writer(ends[1]);
    ASSERT_EQ(write(writer.get(), "a\n\nlast", 7), 7);
  }
  const program_result result = run("09_pipeline", {.input_fd = input.get()});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, hashed(1, "a") + hashed(2, "") + hashed(3, "last"));
}

TEST(client_example, prints_what_the_server_answers) {
  program server("04_echo", {.arguments = {"0", "2"}});
  const std::string port = std::to_string(port_of(server));
  for (const char* host : {"127.0.0.1", "localhost"}) {  // without and with a look-up
    SCOPED_TRACE(host);
    const program_result result = run("06_client", {.arguments = {host, port, "hello"}});
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.out, "hello\n");
    EXPECT_EQ(result.err, "");
  }
  EXPECT_EQ(server.finish().status, 0);
}

TEST(client_example, says_why_there_is_no_answer) {
  // Bound, so that nobody else gets the port, but not listening.
  const owned_fd closed(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(closed.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(closed.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);

  const std::string port = std::to_string(ntohs(address.sin_port));
  const program_result result = run("06_client", {.arguments = {"127.0.0.1", port, "hello"}});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "06_client: Connection refused\n");
}

}  // namespace
}  // namespace async::test
