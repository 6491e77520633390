// See background.h.
#include "examples/sfsd/mount/background.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>

#include "async/err.h"

namespace sfs {
namespace {

// Ends as the child has begun, or as it has ended.
[[noreturn]] void wait_for(pid_t child, fd_owner from_child) {
  char begun = 0;
  ssize_t n;
  do {
    n = ::read(from_child.get(), &begun, 1);
  } while (n < 0 && errno == EINTR);
  if (n == 1) std::_Exit(0);
  int status = 0;
  ::waitpid(child, &status, 0);
  std::_Exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
}

}  // namespace

background::background(bool foreground) {
  if (foreground) return;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) async::fatal("pipe: %s", system_reason().c_str());
  fd_owner from_child(ends[0]);
  to_parent_ = fd_owner(ends[1]);
  const pid_t parent = ::getpid(), child = ::fork();
  if (child < 0) async::fatal("fork: %s", system_reason().c_str());
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) std::_Exit(1);
    return;
  }
  ::close(to_parent_.release());
  wait_for(child, std::move(from_child));
}

void background::begun() {
  if (!to_parent_) return;
  ::prctl(PR_SET_PDEATHSIG, 0);
  ::setsid();
  const fd_owner nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (nothing && ::chdir("/") == 0)
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing.get(), fd);
  const char yes = 1;
  [[maybe_unused]] const ssize_t told = ::write(to_parent_.get(), &yes, 1);
  ::close(to_parent_.release());
}

}  // namespace sfs
