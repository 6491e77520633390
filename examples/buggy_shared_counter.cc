// BUGGY on purpose: a counter that callbacks of two colors change.
//
// Two callbacks add 1 each. The first is held up in the middle, between reading the counter and
// writing it, until the second is done: so the second one's update is lost in each run, and not in
// one of a million. With `fixed` both have one color. Then the second can't begin before the first
// has returned, so there is no middle to be held up in.
//
// What fixes it: one color for all callbacks that touch the data. A callback of another color that
// needs it once posts a small one there, as in 08_fork_join. (An atomic counter helps as long as
// it is only a counter; a lock brings back what colors are there to spare you.)
//
// Run:     build/release/examples/buggy_shared_counter [fixed | race]
// Prints:  expected 2, actual 1                 (fixed: expected 2, actual 2)
//
// What the tools say: with `race`, nobody is held up, and two colors that have both begun add 1
// many times. Built for ThreadSanitizer (scons sanitize=thread), the program ends with status 66
// and
//          WARNING: ThreadSanitizer: data race [...] in add_many()
// and the stacks of both callbacks. Without `race` it says nothing: it looks for accesses that
// nothing has ordered, and the semaphores have ordered these, if wrongly.
#include <atomic>
#include <cstdio>
#include <semaphore>
#include <string_view>
#include <thread>

#include "mp/color.h"
#include "mp/runtime.h"

namespace {

long counter = 0;

std::binary_semaphore has_read(0), other_is_done(0);

void add_one(bool held_up) {
  const long seen = counter;
  if (held_up) {
    has_read.release();
    other_is_done.acquire();
  }
  counter = seen + 1;  // ++counter, as the machine does it
}

constexpr long many = 1'000'000;

void add_many() {
  static std::atomic<int> begun = 0;
  begun.fetch_add(1, std::memory_order_relaxed);  // relaxed: orders nothing
  while (begun.load(std::memory_order_relaxed) < 2) std::this_thread::yield();
  volatile long& each_time = counter;  // so that the compiler does not make it one addition
  for (long i = 0; i < many; ++i) each_time = each_time + 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  const async::color red = async::color::fresh();
  const async::color blue = mode == "fixed" ? red : async::color::fresh();
  async::runtime cpus({.cpus = 2});
  if (mode == "race") {
    async::post(red, &add_many);
    async::post(blue, &add_many);
  } else {
    const bool two_colors = red != blue;
    async::post(red, [=] { add_one(two_colors); });
    async::post(blue, [=] {
      if (two_colors) has_read.acquire();
      add_one(false);
      if (two_colors) other_is_done.release();
    });
  }
  cpus.start();
  cpus.drain();
  cpus.stop();
  std::printf("expected %ld, actual %ld\n", mode == "race" ? 2 * many : 2, counter);
}
