// Teaches: dividing work among CPUs, and joining the parts; the runtime without any I/O.
//
// Each part is posted under a fresh color, so all may run at once. What a part has found goes to
// found(), which has one color for all parts: there the sum is kept without a lock, and the last
// part to arrive ends the program. A callback that cwrap() made goes to its own color from
// wherever it is called.
//
// Run:     build/release/examples/08_fork_join [LIMIT]
//          ASYNC_NCPU=1 build/release/examples/08_fork_join      (on one CPU)
// Prints:  primes below 200000: 17984
#include <cstdio>
#include <cstdlib>

#include "mp/color.h"
#include "mp/runtime.h"

namespace {

bool is_prime(int n) {
  for (int divisor = 2; divisor <= n / divisor; ++divisor) {
    if (n % divisor == 0) return false;
  }
  return n >= 2;
}

class counting : public async::refcount {
 public:
  explicit counting(int limit) : limit_(limit) {}

  void fork() {
    // `join` keeps this object alive; whoever calls it, it runs under the color `joining_`.
    const async::cbi join = async::cwrap(joining_, async::mkref(this), &counting::found);
    for (int part = 0; part < parts; ++part) {
      async::post(async::color::fresh(), [limit = limit_, part, join] {
        int primes = 0;
        for (int n = part; n < limit; n += parts) primes += is_prime(n);
        join(primes);
      });
    }
  }

 private:
  static constexpr int parts = 61;  // a prime number, so that each part has its share of primes

  void found(int primes) {
    sum_ += primes;
    if (++joined_ < parts) return;
    std::printf("primes below %d: %d\n", limit_, sum_);
    async::stop();
  }

  const int limit_;
  const async::color joining_ = async::color::fresh();
  int joined_ = 0, sum_ = 0;  // used under the color `joining_` only
};

}  // namespace

int main(int argc, char** argv) {
  // What is posted before the runtime starts waits for it. run() makes this thread the first CPU,
  // and one more thread for each further CPU.
  async::make_ref<counting>(argc > 1 ? std::atoi(argv[1]) : 200'000)->fork();
  async::runtime().run();
}
