// Teaches: finding what goes wrong only when callbacks come in another order.
//
// Each withdrawal looks at the balance, asks somebody else, and then takes the money. The first one
// is always over before the second begins, and a test passes a million times. explore() runs the
// program in many orders, on one thread and in virtual time, and says which callbacks have to
// change places for it to fail.
//
// Run:     build/release/examples/14_exploration
// Prints:  which order overdraws the account; none, once the money is set aside
#include <cstdio>
#include <stdexcept>

#include "async/async.h"
#include "mp/explore.h"

namespace {

struct account {
  explicit account(bool is_careful) : careful(is_careful) {}

  void withdraw() {
    async::post(its_color, [this] {
      if (balance < 10) return;
      if (careful) balance -= 10;
      async::post(async::color::fresh(), [this] {  // asks somebody else
        async::post(its_color, [this] { pay(); });
      });
    });
  }
  void pay() {
    if (!careful) balance -= 10;
  }
  void check() const {
    if (balance < 0) throw std::runtime_error("overdrawn");
  }

  const async::color its_color = async::color::fresh();
  const bool careful;
  int balance = 10;
};

// A customer who is so many callbacks of other colors away.
void withdraw_from_afar(account& a, int colors) {
  if (colors == 0) return a.withdraw();
  async::post(async::color::fresh(), [&a, colors] { withdraw_from_afar(a, colors - 1); });
}

async::exploration try_account(bool careful) {
  const auto found = async::explore([=] {
    account a(careful);
    a.withdraw();
    withdraw_from_afar(a, 4);
    async::amain();  // ends when nothing is left
    a.check();       // throws if something is wrong
  });
  return found;
}

}  // namespace

int main() {
  for (const bool careful : {false, true}) {
    const async::exploration found = try_account(careful);
    std::printf("%s\n", found.failed ? found.message.c_str() : "no order overdraws the account");
  }
}
