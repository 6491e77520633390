// delaycb, timecb and timecb_remove with the real clock: only order and "not before" are asserted.
#include <chrono>
#include <vector>

#include "tests/async/helpers.h"
#include "tests/support/support.h"

namespace async::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using std::chrono::system_clock;

class timers : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(timers);

TEST_P(timers, a_timer_runs_once_and_never_before_its_time) {
  for (const auto delay : {0us, 1us, 300us, 2500us}) {
    int calls = 0;
    const auto start = steady_clock::now();
    delaycb(delay, wrap([&] {
              ++calls;
              EXPECT_GE(steady_clock::now() - start, delay);
              stop();
            }));
    run();
    EXPECT_EQ(calls, 1);
  }
}

TEST_P(timers, a_delay_that_is_negative_is_none) {
  bool ran = false;
  delaycb(-5s, wrap([&] {
    ran = true;
    stop();
  }));
  run();
  EXPECT_TRUE(ran);
}

TEST_P(timers, a_delay_without_end_never_comes) {
  const timecb_t handles[] = {delaycb(std::chrono::nanoseconds::max(), wrap([] { FAIL(); })),
                              delaycb(std::chrono::hours::max(), wrap([] { FAIL(); })),
                              delaycb(std::chrono::duration<double>(1e300), wrap([] { FAIL(); })),
                              timecb(steady_clock::time_point::max(), wrap([] { FAIL(); })),
                              timecb(system_clock::time_point::max(), wrap([] { FAIL(); }))};
  delaycb(1ms, wrap([] { stop(); }));
  run();
  for (const auto& handle : handles) timecb_remove(handle);
}

TEST_P(timers, timers_run_earliest_first_and_equal_ones_as_they_were_set) {
  prng random = make_prng();
  const auto start = steady_clock::now();
  std::vector<std::pair<int, int>> order;  // (time, number)
  constexpr int count = 3000;
  for (int number = 0; number < count; ++number) {
    const int at = static_cast<int>(random() % 100);
    timecb(start + at * 10us, wrap([&, at, number] {
             order.emplace_back(at, number);
             if (order.size() == count) stop();
           }));
  }
  run();
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_P(timers, a_time_of_day_is_not_called_before_it_has_come) {
  const auto at = system_clock::now() + 2ms;
  bool ran = false;
  timecb(at, wrap([&] {
           ran = true;
           EXPECT_GE(system_clock::now(), at);
           stop();
         }));
  timecb(system_clock::now() - 1h, wrap([&] { EXPECT_FALSE(ran) << "what is past is now"; }));
  run();
  EXPECT_TRUE(ran);
}

TEST_P(timers, a_timer_may_remove_itself_while_it_runs) {
  int alive = 0;
  timecb_t self;
  self = delaycb(0s, wrap([&, value = counted_value(alive)] {
                   timecb_remove(self);
                   timecb_remove(self);
                   EXPECT_EQ(alive, 1);
                   stop();
                 }));
  run();
  EXPECT_EQ(alive, 0) << "freed when it has run, though there is a handle";
  timecb_remove(self);
  timecb_remove(nullptr);
  timecb_remove(timecb_t());
}

TEST_P(timers, a_timer_may_set_itself_again) {
  int calls = 0;
  std::function<void()> tick = [&] { ++calls < 50 ? void(delaycb(10us, wrap(tick))) : stop(); };
  delaycb(0s, wrap(tick));
  run();
  EXPECT_EQ(calls, 50);
}

TEST_P(timers, a_timer_removed_in_the_callback_of_another_does_not_run) {
  const auto at = steady_clock::now();  // their order is that of the stamps, however late it is
  std::vector<timecb_t> later;
  for (int i = 0; i < 100; ++i) later.push_back(timecb(at + 1ms, wrap([] { FAIL(); })));
  timecb(at, wrap([&] {
           for (const auto& t : later) timecb_remove(t);
         }));
  timecb(at + 3ms, wrap([] { stop(); }));
  run();
}

TEST_P(timers, of_ten_thousand_timers_of_one_stamp_the_first_cancels_all_others) {
  const auto at = steady_clock::now() + 1ms;
  std::vector<timecb_t> all;
  int calls = 0;
  for (int i = 0; i < 10'000; ++i) {
    all.push_back(timecb(at, wrap([&] {
                           ++calls;
                           for (const auto& t : all) timecb_remove(t);
                           timecb(at + 1ms, wrap([] { stop(); }));
                         })));
  }
  run();
  EXPECT_EQ(calls, 1);
}

TEST_P(timers, a_removed_timer_is_freed_at_once) {
  int alive = 0;
  const timecb_t t = delaycb(1h, wrap([value = counted_value(alive)] {}));
  EXPECT_EQ(alive, 1);
  timecb_remove(t);
  EXPECT_EQ(alive, 0);
}

TEST_P(timers, a_timer_that_the_stop_destroyed_is_freed) {
  int alive = 0;
  const timecb_t t = delaycb(-1s, wrap([value = counted_value(alive)] {}));
  post(color(), [] { stop(); });
  select_waiter().poll();  // it is queued behind the stop
  EXPECT_EQ(run().destroyed, 1u);
  EXPECT_EQ(alive, 0);
}

TEST_P(timers, timers_of_other_colors_run_under_those) {
  int left = 8;
  const color counter = color::fresh();
  for (int i = 0; i < 8; ++i) {
    const color c = color::fresh();
    delaycb(std::chrono::microseconds(i * 100), cwrap(c, [&, c] {
              EXPECT_TRUE(c.is_current());
              post(counter, [&] {
                if (--left == 0) stop();
              });
            }));
  }
  run();
  EXPECT_EQ(left, 0);
}

// While the leader sleeps for the far one, another thread's timer comes first.
TEST_P(timers, an_earlier_timer_set_by_another_thread_wakes_the_leader) {
#if defined(ASYNC_UNIPROCESSOR)
  GTEST_SKIP() << "there are no other threads";
#else
  bool ran = false;
  const timecb_t far = delaycb(1h, wrap([] { FAIL(); }));
  runtime cpus({.cpus = GetParam(), .waiter = &select_waiter()});
  cpus.start();
  cpus.drain();  // all asleep, or about to be
  baton done;
  delaycb(1ms, wrap([&] {
            ran = true;
            done.post();
          }));
  done.wait();
  cpus.stop();
  timecb_remove(far);
  EXPECT_TRUE(ran);
#endif
}

TEST(timer_handles, are_null_until_a_timer_was_set) {
  timecb_t t;
  EXPECT_FALSE(t);
  t = delaycb(1h, wrap([] {}));
  EXPECT_TRUE(t);
  const timecb_t same = t;
  EXPECT_EQ(same, t);
  timecb_remove(t);
  t = nullptr;
  EXPECT_FALSE(t);
}

// What is bound to a removed callback is destroyed without a lock of the timers.
TEST_P(timers, may_be_set_and_removed_by_what_is_destroyed_with_a_timer) {
  struct setter {
    std::vector<timecb_t>* timers;
    explicit setter(std::vector<timecb_t>& t) : timers(&t) {}
    setter(setter&& other) noexcept : timers(std::exchange(other.timers, nullptr)) {}
    ~setter() {
      if (timers == nullptr) return;
      timers->push_back(delaycb(1h, wrap([] {})));
      timecb_remove(timers->front());
    }
  };
  std::vector<timecb_t> others, mine;
  for (int i = 0; i < 1000; ++i) mine.push_back(delaycb(1h, wrap([s = setter(others)] {})));
  for (const timecb_t& t : mine) timecb_remove(t);
  EXPECT_EQ(others.size(), 1000u);
  for (const timecb_t& t : others) timecb_remove(t);
}

}  // namespace
}  // namespace async::test
