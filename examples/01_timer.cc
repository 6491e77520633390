// Teaches: callbacks, timers, and the main loop.
//
// A program is a set of callbacks: functions that are called later. wrap() makes one of a function
// and its leading arguments, delaycb() has it called after a while, and amain() is the loop that
// calls it. No callback waits for anything: it does a little, says what should happen next, and
// returns. amain() returns once stop() has been called.
//
// Run:     build/release/examples/01_timer
// Prints:  tick 1
//          tick 2
//          tick 3
#include <chrono>
#include <cstdio>

#include "async/async.h"

using namespace std::chrono_literals;

namespace {

void too_late() { std::printf("never printed\n"); }

// Prints, and sets the timer for the next time. What wrap() binds is copied into the callback: the
// number and the handle of the other timer.
void tick(int n, async::timecb_t alarm) {
  std::printf("tick %d\n", n);
  if (n < 3) {
    async::delaycb(100ms, async::wrap(&tick, n + 1, alarm));
    return;
  }
  // Removed by a callback, a timer does not run any more, even if this program was held up for so
  // long that its time has come too.
  async::timecb_remove(alarm);
  async::delaycb(100ms, async::wrap(&async::stop));
}

}  // namespace

int main(int, char** argv) {
  async::setprogname(argv[0]);
  const async::timecb_t alarm = async::delaycb(350ms, async::wrap(&too_late));
  async::delaycb(100ms, async::wrap(&tick, 1, alarm));
  async::amain();
}
