// ASYNC_WATCHDOG and ASYNC_METRICS. The program that has them is this one, of which it runs the
// test that is named.
//
// Serves stages 3 to 5, watched and measured.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "mp/metrics.h"
#include "mp/watchdog.h"
#include "tests/mp/tools.h"
#include "tests/mp/trace_tools.h"

namespace async::test {
namespace {

// What goes to standard error, while it exists.
class overheard {
 public:
  overheard() : kept_(dup(STDERR_FILENO)) {
    if (pipe(ends_) != 0 || dup2(ends_[1], STDERR_FILENO) < 0) std::abort();
  }
  ~overheard() {
    dup2(kept_, STDERR_FILENO);
    for (const int fd : {kept_, ends_[0], ends_[1]}) close(fd);
  }
  // Waits until that is said.
  void wait_for(const std::string& part) {
    std::string text;
    char c;
    while (!has(text, part) && read(ends_[0], &c, 1) == 1) text += c;
  }

 private:
  const int kept_;
  int ends_[2];
};

TEST(watched_program, DISABLED_holds_a_color_until_it_is_told_so) {
  overheard said;
  post(color(17), [&] {
    said.wait_for("watchdog: ");
    said.wait_for("has held color 17 for ");
    raise(SIGUSR1);
    said.wait_for("watchdog: the table\n");
    said.wait_for("color 18: 1 wait for a CPU");
  });
  post(color(18), [] { stop(); });
  runtime({.cpus = 1}).run();
}

TEST(watchdog_environment, turns_it_on_with_the_table_on_a_signal) {
  EXPECT_EQ(run_test("watched_program.DISABLED_holds_a_color_until_it_is_told_so",
                     {"ASYNC_WATCHDOG=0.01"}),
            0);
}

volatile std::sig_atomic_t signals = 0;

TEST(watched_program, DISABLED_has_a_handler_of_its_own) {
  std::signal(SIGUSR1, [](int) { signals = 1; });
  post(color(17), [] { raise(SIGUSR1); });
  post(color(18), [] { stop(); });
  runtime({.cpus = 1}).run();
  EXPECT_EQ(signals, 1);
}

TEST(watchdog_environment, leaves_a_program_its_own_handler) {
  EXPECT_EQ(run_test("watched_program.DISABLED_has_a_handler_of_its_own", {"ASYNC_WATCHDOG=100"}),
            0);
}

TEST(watched_program, DISABLED_is_not_watched) {
  overheard said;
  post(color(17), [] { stop(); });
  runtime({.cpus = 1}).run();
  said.wait_for("ASYNC_WATCHDOG is ignored: not a number of seconds: ");
  EXPECT_TRUE(has(hang_report(), "no CPU runs callbacks"));
}

TEST(watchdog_environment, is_ignored_if_it_is_no_number_of_seconds) {
  for (const char* wrong : {"x", "0", "-1", "1s", "nan", "1e30"}) {
    EXPECT_EQ(run_test("watched_program.DISABLED_is_not_watched",
                       {std::string("ASYNC_WATCHDOG=") + wrong}),
              0)
        << wrong;
  }
}

TEST(watched_program, DISABLED_forks_while_it_is_watched) {
  watchdog_start();
  metrics_start();
  const pid_t child = fork();
  if (child == 0) {
    // It starts over: nothing is on, and all may be turned on once more.
    if (measuring()) _exit(1);
    post(color(17), [] { stop(); });
    runtime({.cpus = 1}).run();
    if (!metrics_text().empty()) _exit(2);
    if (!under_tsan) watchdog_start();  // there, no thread may be made after a fork
    metrics_start();
    post(color(17), [] { stop(); });
    runtime({.cpus = 1}).run();
    watchdog_stop();
    _exit(metrics_read().colors.size() == 1 ? 0 : 3);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  watchdog_stop();
}

TEST(watchdog_environment, is_not_for_forked_children) {
  EXPECT_EQ(run_test("watched_program.DISABLED_forks_while_it_is_watched", {}), 0);
}

TEST(measured_program, DISABLED_runs_and_returns) {
  for (int i = 0; i != 10; ++i) post(color(17), [] {});
  post(color(17), [] { stop(); });
  runtime({.cpus = 1}).run();
}

TEST(measured_program, DISABLED_exits_within_a_callback) {
  for (int i = 0; i != 40; ++i) post(color(17), [] {});
  post(color(18), [] { post(color(18), [] { std::exit(0); }); });
  runtime({.cpus = 1}).run();
}

TEST(metrics_environment, has_a_file_written_when_the_runtime_has_finished) {
  const temporary_folder folder;
  const std::string file = folder / "metrics.prom";
  EXPECT_EQ(run_test("measured_program.DISABLED_runs_and_returns", {"ASYNC_METRICS=" + file}), 0);
  EXPECT_TRUE(has(text_of(file), "async_color_cpu_seconds_count{color=\"17\"} 11\n"));
}

TEST(metrics_environment, has_a_file_written_when_a_callback_exits) {
  const temporary_folder folder;
  const std::string file = folder / "metrics.prom";
  EXPECT_EQ(
      run_test("measured_program.DISABLED_exits_within_a_callback", {"ASYNC_METRICS=" + file}), 0);
  EXPECT_TRUE(has(text_of(file), "async_color_cpu_seconds_count{color=\"18\"} 1\n"));
}

}  // namespace
}  // namespace async::test
