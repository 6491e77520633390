// A consumer of the installed library that is found with pkg-config: a timer ends the program.
#include "async/async.h"

#include <chrono>

#include "wrap/wrap.h"

int main() {
  async::delaycb(std::chrono::milliseconds(1), async::wrap([] { async::stop(); }));
  async::amain();
}
