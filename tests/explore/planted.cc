#include "tests/explore/planted.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "mp/color.h"
#include "mp/runtime.h"

namespace async::test {

bool plainly = false;

void run_all() {
  int rounds = 20 * int{turn_length};  // more turns than any of these programs takes
  const color last = color::fresh();
  const std::function<void()> wait = [&] { --rounds == 0 ? stop() : post(last, wait); };
  if (plainly) post(last, wait);  // an exploration ends by itself
  runtime({.cpus = 1}).run();
}

namespace {

using action = std::function<void()>;

void expect(bool yes, const char* what) {
  if (!yes) throw std::runtime_error(what);
}

// Runs `f` under `c` after so many callbacks of other colors.
void later(int hops, const color& c, action f, where site = where::current()) {
  if (hops == 0) return post(c, std::move(f), site);
  post(
      color::fresh(), [=, f = std::move(f)] { later(hops - 1, c, f, site); }, site);
}

void uses_what_may_not_be_set() {
  std::optional<int> setting;
  bool used_unset = false;
  later(0, color::fresh(), [&] { setting = 1; });
  later(1, color::fresh(), [&] { used_unset = !setting; });
  run_all();
  expect(!used_unset, "used before it was set");
}

void loses_an_update() {
  int visits = 0;
  const color data = color::fresh();
  const auto visit = [&] { later(1, data, [&visits, data, seen = visits] { visits = seen + 1; }); };
  later(0, data, visit);
  later(4, data, visit);
  run_all();
  expect(visits == 2, "an update is lost");
}

void looks_and_then_acts() {
  int balance = 10;
  const color bank = color::fresh();
  const auto withdraw = [&, bank] {
    if (balance < 10) return;
    later(1, bank, [&] { balance -= 10; });
  };
  later(0, bank, withdraw);
  later(4, bank, withdraw);
  run_all();
  expect(balance >= 0, "overdrawn");
}

void answers_who_is_gone() {
  auto client = std::make_unique<int>(0);
  bool answered_nobody = false;
  const color its = color::fresh();
  later(2, its, [&] { client ? void(++*client) : void(answered_nobody = true); });
  later(5, its, [&] { client = nullptr; });
  run_all();
  expect(!answered_nobody, "the client was gone");
}

void loses_a_wake_up() {
  std::deque<int> queue;
  action waiting;
  int consumed = 0;
  const color q = color::fresh();
  const auto consume = [&] {
    queue.pop_front();
    ++consumed;
  };
  later(0, q, [&, q] {
    if (!queue.empty()) return consume();
    later(1, q, [&] { waiting = consume; });
  });
  later(4, q, [&] {
    queue.push_back(1);
    if (waiting) waiting();
  });
  run_all();
  expect(consumed == 1, "nobody was woken");
}

void completes_twice() {
  int completed = 0;
  bool done = false;
  const color request = color::fresh();
  later(1, request, [&] { done = true, ++completed; });
  later(4, request, [&, request] {
    if (!done) later(1, request, [&] { ++completed; });
  });
  run_all();
  expect(completed == 1, "completed twice");
}

void fills_with_what_is_stale() {
  int stored = 1;
  std::optional<int> cached;
  const color disk = color::fresh();
  const color cache = color::fresh();
  later(0, disk, [&, cache] { later(1, cache, [&, value = stored] { cached = value; }); });
  later(4, disk, [&, cache] {
    stored = 2;
    post(cache, [&] { cached.reset(); });
  });
  run_all();
  expect(!cached || *cached == stored, "the cache is stale");
}

// A lock for colors.
class turnstile {
 public:
  void acquire(action then) {
    post(color_, [this, then = std::move(then)] {
      if (std::exchange(taken_, true)) return waiting_.push_back(then);
      post(color::fresh(), then);
    });
  }
  void release() {
    post(color_, [this] {
      if (waiting_.empty()) return void(taken_ = false);
      post(color::fresh(), std::move(waiting_.front()));
      waiting_.pop_front();
    });
  }

 private:
  const color color_ = color::fresh();
  bool taken_ = false;
  std::deque<action> waiting_;
};

void waits_in_a_circle() {
  turnstile a, b;
  int done = 0;
  const auto work = [&](turnstile& first, turnstile& second) {
    first.acquire([&] {
      second.acquire([&] {
        ++done;
        second.release();
        first.release();
      });
    });
  };
  work(a, b);
  later(9, color::fresh(), [&] { work(b, a); });
  run_all();
  expect(done == 2, "both wait for each other");
}

void takes_another_for_itself() {
  std::map<int, const char*> open;
  bool wrong = false;
  const color table = color::fresh();
  open[3] = "first";
  later(2, table, [&] { wrong = open.contains(3) && open[3] != std::string_view("first"); });
  later(5, table, [&] { open.erase(3); });
  later(7, table, [&] { open[3] = "second"; });
  run_all();
  expect(!wrong, "what was for the first went to the second");
}

void begins_a_round_too_early() {
  int arrived = 0, rounds = 0;
  action waiting[2];
  const color barrier = color::fresh();
  const std::function<void(int, int)> arrive = [&](int who, int left) {
    post(barrier, [&, who, left] {
      waiting[who] = [&, who, left] {
        if (left != 0) later(4, barrier, [&, who, left] { arrive(who, left - 1); });
      };
      if (++arrived < 2) return;
      ++rounds;
      for (const action& go : waiting) go();
      later(1, barrier, [&] { arrived = 0; });  // those who are fast have come already
    });
  };
  arrive(0, 2);
  arrive(1, 2);
  run_all();
  expect(rounds == 3, "a round never ended");
}

void gives_up_too_soon() {
  int missed = 0;
  bool dead = false;
  const color state = color::fresh();
  const std::function<void(int)> beat = [&](int left) {
    post(state, [&] { missed = 0; });
    if (left != 0) later(0, color::fresh(), [&, left] { beat(left - 1); });
  };
  const std::function<void(int)> tick = [&](int left) {
    post(state, [&] { dead = dead || ++missed == 4; });
    if (left != 0) later(0, color::fresh(), [&, left] { tick(left - 1); });
  };
  beat(8);
  tick(8);
  run_all();
  expect(!dead, "taken for dead");
}

void cancels_before_it_begins() {
  bool running = false;
  const color job = color::fresh();
  later(1, job, [&] { running = true; });
  later(4, job, [&] {
    if (running) running = false;  // else there is nothing to cancel
  });
  run_all();
  expect(!running, "cancelled, and runs");
}

}  // namespace

const planted mistakes[12] = {
    {"uses_what_may_not_be_set", uses_what_may_not_be_set},
    {"loses_an_update", loses_an_update},
    {"looks_and_then_acts", looks_and_then_acts},
    {"answers_who_is_gone", answers_who_is_gone},
    {"loses_a_wake_up", loses_a_wake_up},
    {"completes_twice", completes_twice},
    {"fills_with_what_is_stale", fills_with_what_is_stale},
    {"waits_in_a_circle", waits_in_a_circle},
    {"takes_another_for_itself", takes_another_for_itself},
    {"begins_a_round_too_early", begins_a_round_too_early},
    {"gives_up_too_soon", gives_up_too_soon},
    {"cancels_before_it_begins", cancels_before_it_begins},
};

}  // namespace async::test
