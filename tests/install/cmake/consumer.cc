// A consumer of the installed library that is found with find_package: two colors, two CPUs.
#include <atomic>

#include "mp/color.h"
#include "mp/runtime.h"

int main() {
  std::atomic<int> ran = 0;
  async::runtime cpus({.cpus = 2});
  cpus.start();
  for (int i = 0; i < 10; i++) async::post(async::color(i % 2), [&ran] { ran++; });
  cpus.drain();
  cpus.stop();
  return ran == 10 ? 0 : 1;
}
