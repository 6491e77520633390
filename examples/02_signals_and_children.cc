// Teaches: signals and child processes are events like timers.
//
// sigcb() has a callback called for a signal. Unlike a signal handler it may do all that other
// callbacks may: print, allocate, register. chldcb() has one called with the wait status of a child
// process when that has ended, even if it had ended before.
//
// The child sends its parent SIGUSR1 and would then sleep for long; the parent, told by the signal
// that the child has started, ends it.
//
// Run:     build/release/examples/02_signals_and_children
// Prints:  the child has started
//          the child was ended by signal 15
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>

#include "async/async.h"

namespace {

pid_t start_child() {
  const char* const arguments[] = {"sh", "-c", "kill -USR1 $PPID; exec sleep 60", nullptr};
  pid_t pid = 0;
  if (const int error = posix_spawnp(&pid, "sh", nullptr, nullptr,
                                     const_cast<char* const*>(arguments), environ)) {
    async::fatal("sh: %s", std::strerror(error));
  }
  return pid;
}

void child_started(const pid_t& child) {
  std::printf("the child has started\n");
  kill(child, SIGTERM);
}

void child_ended(int status) {
  if (WIFSIGNALED(status)) {
    std::printf("the child was ended by signal %d\n", WTERMSIG(status));
  } else {
    std::printf("the child has exited with status %d\n", WEXITSTATUS(status));
  }
  async::stop();
}

}  // namespace

int main(int, char** argv) {
  async::setprogname(argv[0]);
  pid_t child = 0;
  // std::ref binds the variable itself: the child does not exist yet. The signal may come before
  // amain() is called; then its callback waits until it is.
  async::sigcb(SIGUSR1, async::wrap(&child_started, std::ref(child)));
  child = start_child();

  // What can fail says so. A registration that has failed never calls back.
  if (const std::error_code error = async::chldcb(child, async::wrap(&child_ended))) {
    async::fatal("the child can't be watched: %s", error.message().c_str());
  }
  async::amain();
}
