// Teaches: what wrap() binds, and how long things live.
//
// Callbacks outlive the function that makes them, so what they need must live as long. wrap() keeps
// copies of what it binds. For an object that several callbacks share, bind a reference-counted
// handle, async::ref: the object lives until the last handle to it goes.
//
// Run:     build/release/examples/03_wrap
// Prints:  3 + 4 = 7
//          3 + 10 = 13
//          hello, world
//          account 1 opened
//          account 1 has 50
//          account 1 has 80
//          main has dropped its handle
//          account 1 has 85
//          account 1 closed
#include <cstdio>
#include <string>

#include "async/async.h"

namespace {

void print_sum(int a, int b) { std::printf("%d + %d = %d\n", a, b, a + b); }

// A class with a count in it. mkref(this) makes a further handle of an object from inside.
class account : public async::refcount {
 public:
  explicit account(int number) : number_(number) { std::printf("account %d opened\n", number_); }

  void deposit(int amount) {
    balance_ += amount;
    std::printf("account %d has %d\n", number_, balance_);
  }

  // Keeps this account alive for as long as the callback exists.
  async::cbi depositor() { return async::wrap(async::mkref(this), &account::deposit); }

 private:
  ~account() override { std::printf("account %d closed\n", number_); }

  const int number_;
  int balance_ = 0;
};

}  // namespace

int main() {
  // Bound first, passed last: what is not bound are the callback's parameters. `cbi` is short for
  // callback<void, int>::ref, a counted handle to a callback that takes an int.
  async::cbi add_to_three = async::wrap(&print_sum, 3);
  add_to_three(4);
  add_to_three(10);

  // The callback has its own copy of `name`.
  std::string name = "world";
  async::cbv hello =
      async::wrap([](const std::string& to) { std::printf("hello, %s\n", to.c_str()); }, name);
  name = "changed later";
  hello();

  // A ptr is a ref that may be null.
  async::ptr<account> mine = async::make_ref<account>(1);
  async::cbi deposit = mine->depositor();
  deposit(50);
  mine->deposit(30);
  mine = nullptr;
  std::printf("main has dropped its handle\n");
  deposit(5);
  // `deposit` goes here, and with it the last handle to the account.
}
