// Programs: who may run them, and that a running one is not written.
#include <signal.h>
#include <sys/wait.h>

#include "tests/interop/posix/files.h"

namespace posix {
namespace {

const char* const program = "/bin/cat";  // that waits for input

void copy_program(const char* path, mode_t mode) {
  write_file(path, read_file(program), 0755);
  MUST(chmod(path, mode));
}

// Runs the file in a child; the errno of execv(), or 0 if it ran.
int try_to_run(const char* path) {
  pid_t child = fork();
  if (child == 0) {
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    char* const arguments[]{const_cast<char*>(path), nullptr};
    execv(path, arguments);
    _exit(errno);
  }
  int status = -1;
  MUST(waitpid(child, &status, 0));
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// A program that runs until its standard input ends.
struct running {
  explicit running(const char* path) {
    int ends[2];
    MUST(pipe2(ends, O_CLOEXEC));
    child = fork();
    if (child == 0) {
      dup2(ends[0], 0);
      char* const arguments[]{const_cast<char*>(path), const_cast<char*>("-"), nullptr};
      execv(path, arguments);
      _exit(1);
    }
    close(ends[0]);
    input = ends[1];
    wait_until_it_runs();
  }
  ~running() {
    close(input);
    int status;
    waitpid(child, &status, 0);
  }
  // The program that the child runs changes with execv(): its close-on-exec descriptors go.
  void wait_until_it_runs() const {
    const std::string link = "/proc/" + std::to_string(child) + "/exe";
    const std::string own = read_link("/proc/self/exe");
    for (int i = 0; i < 100000 && read_link(link) == own; ++i) usleep(100);
  }

  pid_t child;
  int input;
};

CASE(exec, runs_programs) {
  if (lacks(feature::exec)) return;
  copy_program("p", 0755);
  EQUAL(try_to_run("./p"), 0);
  MUST(symlink("p", "l"));
  EQUAL(try_to_run("./l"), 0);
  MUST(unlink("p"));
  EQUAL(try_to_run("./p"), ENOENT);
  write_file("script", "#!/bin/cat\n", 0755);
  EQUAL(try_to_run("./script"), 0);
  write_file("empty", "no program", 0755);
  EQUAL(try_to_run("./empty"), ENOEXEC);
  MUST(mkdir("d", 0755));
  EQUAL(try_to_run("./d"), EACCES);
}

ROOT_CASE(exec, needs_execute_permission) {
  if (lacks(feature::exec)) return;
  copy_program("p", 0755);
  MUST(chown("p", owner.uid, shared));
  for (mode_t m = 0; m < 01000; m += 1) {
    if (m % 3 && (m & 0111)) continue;
    MUST(chmod("p", m));
    for (const user& u : four_users) {
      // Not readable is no hindrance to running.
      as(u, [&] {
        context mode{octal(m)};
        EQUAL(access("p", X_OK) == 0 ? 0 : errno, bits_for(u, m) & 1 ? 0 : EACCES);
        if (m % 9 == 0) EQUAL(try_to_run("./p"), bits_for(u, m) & 1 ? 0 : EACCES);
      });
    }
  }
  MUST(chmod("p", 0666));
  EQUAL(try_to_run("./p"), EACCES);  // root, too
}

CASE(exec, a_running_program_is_not_written) {
  if (lacks(feature::exec) || lacks(feature::etxtbsy)) return;
  copy_program("p", 0755);
  {
    running child("./p");
    watch({{"p", nothing}}, [] {
      FAILS(ETXTBSY, open("p", O_WRONLY));
      FAILS(ETXTBSY, open("p", O_RDWR));
      FAILS(ETXTBSY, open("p", O_WRONLY | O_TRUNC));
      FAILS(ETXTBSY, open("p", O_WRONLY | O_APPEND));
      FAILS(ETXTBSY, truncate("p", 10));
    });
    WORKS(open("p", O_RDONLY));
    WORKS(chmod("p", 0700));
    WORKS(rename("p", "q"));
    FAILS(ETXTBSY, open("q", O_WRONLY));
    if (has(feature::links)) WORKS(link("q", "r"));
    if (has(feature::links)) FAILS(ETXTBSY, open("r", O_WRONLY));
    WORKS(unlink("q"));
  }
  copy_program("p", 0755);
  WORKS(open("p", O_WRONLY));
}

CASE(exec, a_file_that_is_written_does_not_run) {
  if (lacks(feature::exec) || lacks(feature::etxtbsy)) return;
  copy_program("p", 0755);
  int fd = open("p", O_WRONLY | O_CLOEXEC);
  MUST(fd);
  EQUAL(try_to_run("./p"), ETXTBSY);
  close(fd);
  EQUAL(try_to_run("./p"), 0);
}

// A program that is replaced by a rename runs on, and the new one runs beside it.
CASE(exec, a_running_program_can_be_replaced) {
  if (lacks(feature::exec)) return;
  copy_program("p", 0755);
  running child("./p");
  copy_program("new", 0755);
  WORKS(rename("new", "p"));
  EQUAL(try_to_run("./p"), 0);
  WORKS(unlink("p"));
  WORKS(kill(child.child, 0));
}

}  // namespace
}  // namespace posix
