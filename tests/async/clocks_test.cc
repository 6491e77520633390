// Which clock timers go by, and that waiting for them costs no turns of the loop.
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>

#include "tests/async/helpers.h"
#include "tests/async/wall_clock.h"

namespace async::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;

class clocks : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(clocks);

// The clocks of this process's timerfds, as in clock_gettime(2).
std::vector<int> timerfd_clocks() {
  std::vector<int> found;
  for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(fd, gone) != "anon_inode:[timerfd]") continue;
    std::ifstream info("/proc/self/fdinfo/" + fd.path().filename().string());
    for (std::string word; info >> word;) {
      if (int clock; word == "clockid:" && info >> clock) found.push_back(clock);
    }
  }
  return found;
}

TEST(timer_alarm, is_on_the_monotonic_clock) {
  select_waiter().poll();
  EXPECT_EQ(timerfd_clocks(), std::vector<int>{CLOCK_MONOTONIC});
}

TEST_P(clocks, setting_the_wall_clock_makes_no_timer_run_earlier_or_later) {
  for (const std::chrono::hours error : {-10'000h, 10'000h}) {
    const auto before = system_clock::now();
    const timecb_t later[] = {delaycb(1h, wrap([] { FAIL(); })),
                              timecb(before + 1h, wrap([] { FAIL(); }))};
    int calls = 0;
    const auto count = [&] {
      if (++calls == 2) stop();
    };
    delaycb(1ms, wrap(count));
    timecb(before + 1ms, wrap(count));
    const wall_clock_set set(error);
    EXPECT_EQ(system_clock::now() > before, error > 0h) << "the test can set the clock";
    run();
    EXPECT_EQ(calls, 2);
    for (const timecb_t& t : later) timecb_remove(t);
  }
}

TEST_P(clocks, a_time_of_day_goes_by_the_wall_clock_as_it_is_when_the_timer_is_set) {
  std::optional<wall_clock_set> set(10'000h);
  const timecb_t later = timecb(system_clock::now() + 1h, wrap([] { FAIL(); }));
  timecb(system_clock::now() + 1ms, wrap([] { stop(); }));
  set.reset();
  run();
  timecb_remove(later);
}

// The select callback, counting the loop's turns.
class counting_waiter : public idle_waiter {
 public:
  void poll() noexcept override {
    ++turns;
    select_waiter().poll();
  }
  void wait() noexcept override {
    ++turns;
    select_waiter().wait();
  }
  void wake() noexcept override { select_waiter().wake(); }

  int turns = 0;
};

// A loop that waited in whole milliseconds would turn without sleeping until the time has come.
TEST(short_timers, are_slept_for_and_not_polled_for) {
  constexpr int count = 50;
  int calls = 0;
  const std::function<void()> tick = [&] {
    ++calls < count ? void(delaycb(700us, wrap(tick))) : stop();
  };
  delaycb(700us, wrap(tick));
  counting_waiter waiter;
  runtime({.cpus = 1, .waiter = &waiter}).run();
  EXPECT_EQ(calls, count);
  EXPECT_LE(waiter.turns, 3 * count);
}

}  // namespace
}  // namespace async::test
