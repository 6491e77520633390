// BUGGY on purpose: a callback that waits.
//
// A callback asks another program, which takes 0.3 seconds to answer, and reads the answer at once:
// a blocking read(2). Until it returns, nothing else of its color runs: here a heartbeat that was
// posted before, and in a server all other clients. With `fixed`, the callback has the answer's fd
// watched, and returns.
//
// What fixes it: fdcb() for what has an fd, delaycb() instead of sleep, chldcb() instead of wait,
// and tcpconnect(), which looks names up without blocking. A color of its own is no way out: then
// the call holds up one CPU instead, and as many such calls as there are CPUs hold up everything;
// and what the callback has posted last waits with it, unless it calls publish() first.
//
// Run:     build/release/examples/buggy_blocking_call [fixed]
// Prints:  answer 42                            (fixed: the heartbeat first, 0 ms late)
//          heartbeat, 300 ms late
//
// What the tools say: ThreadSanitizer nothing, for nothing is wrong but the time. The watchdog
// names the callback, and what waits behind it:
//          ASYNC_WATCHDOG=0.1 build/release/examples/buggy_blocking_call
// Without it, do as the heartbeat does: post a callback and measure how late it is. To find the
// culprit's line, look where a CPU of the program waits; it should only ever be epoll_wait or
// futex:
//          strace -f -T -e trace=read,epoll_wait,futex build/release/examples/buggy_blocking_call
//          gdb -p PID -batch -ex 'thread apply all backtrace'
// The first shows a read() that took 0.3 s, the second read_answer() calling fgets() calling
// read().
#include <chrono>
#include <cstdio>
#include <string_view>

#include "async/async.h"

namespace {

using clock_type = std::chrono::steady_clock;

bool fixed = false;

void heartbeat(clock_type::time_point posted) {
  const std::chrono::duration<double, std::milli> late = clock_type::now() - posted;
  std::printf("heartbeat, %.0f ms late\n", late.count());
}

void read_answer(std::FILE* program) {
  char answer[16] = "";
  if (std::fgets(answer, sizeof answer, program) == nullptr) async::fatal("no answer");
  std::printf("answer %s", answer);
  async::fdcb(fileno(program), async::selread, nullptr);
  pclose(program);
  async::delaycb(std::chrono::seconds(0), async::wrap(&async::stop));
}

void ask() {
  async::post(async::color(), [now = clock_type::now()] { heartbeat(now); });
  std::FILE* const program = popen("sleep 0.3; echo 42", "r");
  if (program == nullptr) async::fatal("can't start the program");
  if (fixed) {
    async::fdcb(fileno(program), async::selread, async::wrap(&read_answer, program));
  } else {
    read_answer(program);  // the bug: this waits
  }
}

}  // namespace

int main(int argc, char** argv) {
  async::setprogname(argv[0]);
  fixed = argc > 1 && std::string_view(argv[1]) == "fixed";
  async::post(async::color(), &ask);
  async::amain();
}
