// Starting programs: what a child is given, and how its end and its failures come back.
#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/async/helpers.h"

namespace async::test {
namespace {

class processes : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(processes);

// A child whose output is collected; the test ends with both.
struct collected : refcount {
  void start(const spawn_options& options) {
    child = spawn(options);
    ASSERT_TRUE(child) << strerror(errno);
    left = 1;
    ASSERT_FALSE(chldcb(child.pid, wrap(mkref(this), &collected::ended)));
    for (const int fd : {child.out, child.err}) {
      if (fd < 0) continue;
      ++left;
      fdcb(fd, selread, wrap(mkref(this), &collected::readable, fd));
    }
  }
  void readable(int fd) {
    suio& bytes = fd == child.out ? out_bytes : err_bytes;
    const io_result got = bytes.input(fd);
    if (got.status == io_status::would_block || got.status == io_status::done) return;
    EXPECT_EQ(got.status, io_status::eof);
    fdcb(fd, selread, nullptr);
    close(fd);
    done();
  }
  void ended(int s) {
    status = s;
    done();
  }
  void done() {
    if (--left == 0) stop();
  }
  std::string out() { return {out_bytes.pullup(out_bytes.resid()), out_bytes.resid()}; }
  std::string err() { return {err_bytes.pullup(err_bytes.resid()), err_bytes.resid()}; }

  spawned child;
  suio out_bytes, err_bytes;
  int left = 0, status = -1;
};

spawn_options shell(std::string script) {
  return {.program = "sh", .arguments = {"-c", std::move(script)}, .out = child_fd::pipe};
}

// What the script prints.
class outputs : public processes {
 protected:
  std::string output(const spawn_options& options) {
    const auto c = make_ref<collected>();
    c->start(options);
    run();
    EXPECT_EQ(c->status, 0);
    return c->out();
  }
};
ASYNC_TEST_EACH_CPU_COUNT(outputs);

TEST_P(outputs, of_a_child_and_its_errors_come_through_pipes_and_its_status_by_chldcb) {
  const auto c = make_ref<collected>();
  spawn_options options = shell("echo out; echo err >&2; exit 3");
  options.err = child_fd::pipe;
  c->start(options);
  run();
  EXPECT_EQ(c->out(), "out\n");
  EXPECT_EQ(c->err(), "err\n");
  EXPECT_EQ(WEXITSTATUS(c->status), 3);
}

TEST_P(outputs, follow_what_is_written_to_the_childs_input) {
  const auto c = make_ref<collected>();
  c->start({.program = "cat", .in = child_fd::pipe, .out = child_fd::pipe});
  suio request;
  request.format("hello\n");
  EXPECT_EQ(request.output(c->child.in).status, io_status::done);
  close(c->child.in);  // and no other copy is open: the child sees the end
  run();
  EXPECT_EQ(c->out(), "hello\n");
}

TEST_P(outputs, tell_the_arguments_environment_and_directory_that_were_given) {
  spawn_options options = shell("echo \"$1|$VALUE|$HOME|$(pwd)\"");
  options.arguments.insert(options.arguments.end(), {"zero", "a b"});
  options.environment = {"VALUE=some", "PATH=/usr/bin:/bin"};
  options.directory = "/";
  EXPECT_EQ(output(options), "a b|some||/\n");
  EXPECT_EQ(output(shell("test -n \"$PATH\" && echo inherited")), "inherited\n");
}

TEST_P(outputs, show_dev_null_as_input_unless_another_is_asked_for) {
  EXPECT_EQ(output(shell("cat; readlink /proc/self/fd/0")), "/dev/null\n");
}

TEST_P(outputs, may_go_to_an_fd_of_ours) {
  test_pipe p;
  const auto c = make_ref<collected>();
  spawn_options options = shell("echo there");
  options.out = child_fd(p.out());
  c->start(options);
  run();
  char got[16];
  EXPECT_EQ(read(p.in(), got, sizeof got), 6);
}

// Each source is at the place of another.
TEST_P(outputs, show_given_fds_in_their_places_even_if_they_are_swapped) {
  char name[] = "/tmp/async-processes-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  const std::filesystem::path directory(name);
  std::vector<int> fds;
  for (const char* file : {"a", "b", "c"}) {
    fds.push_back(open((directory / file).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_GE(fds.back(), 3);
  }
  std::sort(fds.rbegin(), fds.rend());
  spawn_options options = shell("readlink /proc/$$/fd/3 /proc/$$/fd/4 /proc/$$/fd/5");
  options.fds = fds;
  std::string expected;
  for (const int fd : fds) {
    expected +=
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).string() + '\n';
  }
  EXPECT_EQ(output(options), expected);
  for (const int fd : fds) close(fd);
  std::filesystem::remove_all(directory);
}

TEST_P(outputs, show_no_fd_that_was_not_given) {
  test_pipe leaky;
  fcntl(leaky.in(), F_SETFD, 0);
  // Not in a pipeline, for which the shell opens fds of its own, nor as its last command.
  EXPECT_EQ(output(shell("ls /proc/$$/fd; true")), "0\n1\n2\n");
}

TEST_P(outputs, show_default_signals_and_none_blocked) {
  sigset_t one, before;
  sigemptyset(&one);
  sigaddset(&one, SIGUSR1);
  const auto c = make_ref<collected>();
  post(color(), [&] {  // here SIGPIPE is ignored
    pthread_sigmask(SIG_BLOCK, &one, &before);
    c->start({.program = "grep",
              .arguments = {"^Sig\\(Blk\\|Ign\\)", "/proc/self/status"},
              .out = child_fd::pipe});
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  });
  run();
  std::istringstream text(c->out());
  std::string name;
  for (std::uint64_t signals; text >> name >> std::hex >> signals;) {
    EXPECT_EQ(signals & 0x7fff'ffff, 0u)
        << name;  // those behind are real-time ones, two glibc's own
  }
  EXPECT_EQ(name, "SigIgn:");
}

TEST_P(outputs, show_a_group_or_a_session_of_its_own_where_asked_for) {
  const auto ids = [&](child_group group) {
    spawn_options options = shell("echo $$; cut -d' ' -f5,6 /proc/$$/stat");
    options.group = group;
    std::istringstream text(output(options));
    int pid = 0, pgrp = 0, session = 0;
    text >> pid >> pgrp >> session;
    return std::vector<bool>{pgrp == pid, session == pid, pgrp == getpgrp(), session == getsid(0)};
  };
  EXPECT_EQ(ids(child_group::ours), (std::vector{false, false, true, true}));
  EXPECT_EQ(ids(child_group::own), (std::vector{true, false, false, true}));
  EXPECT_EQ(ids(child_group::session), (std::vector{true, true, false, false}));
}

TEST_P(processes, are_not_bound_to_the_cpu_of_the_worker_that_started_them) {
  std::string before;
  std::ifstream status("/proc/thread-self/status");
  while (std::getline(status, before) && !before.starts_with("Cpus_allowed_list:")) {}
  const auto c = make_ref<collected>();
  post(color(), [&] {
    c->start({.program = "grep",
              .arguments = {"^Cpus_allowed_list:", "/proc/self/status"},
              .out = child_fd::pipe});
  });
  run();
  EXPECT_EQ(c->out(), before + "\n");
}

TEST_P(processes, that_are_killed_by_their_number_report_the_signal) {
  const auto c = make_ref<collected>();
  c->start({.program = "cat", .in = child_fd::pipe});
  EXPECT_FALSE(chldkill(c->child.pid, SIGTERM));
  run();
  EXPECT_TRUE(WIFSIGNALED(c->status));
  EXPECT_EQ(WTERMSIG(c->status), SIGTERM);
  EXPECT_EQ(chldkill(c->child.pid, SIGTERM), std::errc::no_such_process) << "it is reaped";
  EXPECT_EQ(chldkill(getpid(), 0), std::errc::no_such_process) << "it is no child";
  close(c->child.in);
}

TEST(processes_idle, that_cannot_be_started_say_why_and_leave_nothing_behind) {
  const int closed = closed_fd();
  const auto before = open_fds();
  const auto error_of = [](const spawn_options& options) {
    const spawned child = spawn(options);
    const int error = errno;
    EXPECT_FALSE(child);
    EXPECT_EQ(child.in, -1);
    return error;
  };
  constexpr auto pipe = child_fd::pipe;
  EXPECT_EQ(error_of({.program = "/no/such", .in = pipe, .out = pipe, .err = pipe}), ENOENT);
  EXPECT_EQ(error_of({.program = "no-such-program-of-any-name", .in = pipe}), ENOENT);
  EXPECT_EQ(error_of({.program = "", .in = pipe}), ENOENT);
  EXPECT_EQ(error_of({.program = "/etc/passwd", .in = pipe}), EACCES);
  EXPECT_EQ(error_of({.program = "cat", .directory = "/no/such", .in = pipe}), ENOENT);
  EXPECT_EQ(error_of({.program = "cat", .in = pipe, .out = child_fd(closed)}), EBADF);
  EXPECT_EQ(error_of({.program = "cat", .in = pipe, .out = child_fd(-77)}), EBADF);
  EXPECT_EQ(error_of({.program = "cat", .in = pipe, .fds = {closed}}), EBADF);
  EXPECT_EQ(error_of({.program = "cat", .arguments = {std::string("a\0b", 3)}, .in = pipe}),
            EINVAL);
  EXPECT_EQ(error_of({.program = "cat", .arguments = {std::string(1 << 20, 'x')}}), E2BIG);
  EXPECT_EQ(open_fds(), before);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "there is a child";
}

// The number would be that of our end of the pipe from the child.
TEST(processes_idle, that_inherit_a_standard_fd_which_is_closed_are_not_started) {
  const pid_t pid = fork();
  if (pid == 0) {
    close(STDERR_FILENO);
    errno = 0;
    const spawned child = spawn({.program = "true", .out = child_fd::pipe});
    _exit(!child && errno == EBADF ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

TEST(processes_idle, that_are_started_leave_only_our_ends_open_which_do_not_block_or_leak) {
  const auto before = open_fds();
  const spawned child =
      spawn({.program = "cat", .in = child_fd::pipe, .out = child_fd::pipe, .err = child_fd::pipe});
  ASSERT_TRUE(child);
  EXPECT_EQ(open_fds().size(), before.size() + 3);
  for (const int fd : {child.in, child.out, child.err}) {
    EXPECT_NE(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    close(fd);
  }
  waitpid(child.pid, nullptr, 0);
}

// The first child's input has to end when we close it, though others are started meanwhile.
TEST(processes_idle, that_are_started_by_several_threads_do_not_hold_each_others_pipes) {
  const auto start_and_end = [] {
    for (int i = 0; i < 20; ++i) {
      const spawned child = spawn({.program = "cat", .in = child_fd::pipe});
      ASSERT_TRUE(child);
      close(child.in);
      int status = -1;
      ASSERT_EQ(waitpid(child.pid, &status, 0), child.pid);  // it would hang
      EXPECT_EQ(status, 0);
    }
  };
  std::thread other(start_and_end);
  start_and_end();
  other.join();
}

}  // namespace
}  // namespace async::test
