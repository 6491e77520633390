// Guarantee 4, as far as events go: neither can colors starve the select callback, nor it them.
#include <atomic>
#include <functional>

#include "tests/async/helpers.h"

namespace async::test {
namespace {

class fairness : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(fairness);

// Posts itself forever.
struct hog {
  color c = color::fresh();
  std::uint64_t turns = 0;
  bool done = false;
  std::function<void()> each_turn = [] {};

  void operator()() {
    ++turns;
    each_turn();
    if (!done) post(c, std::ref(*this));
  }
};

TEST_P(fairness, a_color_that_posts_itself_forever_does_not_starve_an_fd) {
  test_pipe p;
  hog h;
  std::uint64_t written_at = 0, seen_at = 0;
  fdcb(p.in(), selread, cwrap(h.c, [&] {
         seen_at = h.turns;
         fdcb(p.in(), selread, nullptr);
         h.done = true;
         stop();
       }));
  h.each_turn = [&] {
    if (h.turns != 1000) return;
    written_at = h.turns;
    p.put();
  };
  post(h.c, std::ref(h));
  run();
  ASSERT_EQ(written_at, 1000u);
  if (GetParam() == 1) {
    // With more CPUs the leader is another worker, and how fast it is the kernel decides.
    EXPECT_LE(seen_at - written_at, 4 * poll_interval + fairness_bound(2));
  }
}

TEST_P(fairness, a_color_that_posts_itself_forever_does_not_starve_a_timer) {
  hog h;
  bool ran = false;
  delaycb(std::chrono::milliseconds(1), cwrap(h.c, [&] {
            ran = true;
            h.done = true;
            stop();
          }));
  post(h.c, std::ref(h));
  run();
  EXPECT_TRUE(ran);
}

TEST_P(fairness, an_fd_that_is_always_readable_does_not_starve_a_color) {
  test_pipe p;
  p.put();
  std::atomic<int> reads{0};
  const color events = color::fresh();
  fdcb(p.in(), selread, cwrap(events, [&] { ++reads; }));  // does not read
  hog h;
  h.each_turn = [&] {
    if (h.turns < 20'000) return;
    h.done = true;
    fdcb(p.in(), selread, nullptr);
    stop();
  };
  post(h.c, std::ref(h));
  run();
  EXPECT_EQ(h.turns, 20'000u);
  EXPECT_GT(reads, 0) << "nor the other way round";
  if (GetParam() == 1) {
    EXPECT_LE(reads, 20'000) << "it is looked at now and then";
  }
}

TEST_P(fairness, timers_that_are_always_due_starve_neither_fds_nor_colors) {
  test_pipe p;
  p.put();
  bool read = false;
  timecb_t timers[10];
  std::function<void(timecb_t*)> again = [&](timecb_t* timer) {
    *timer = delaycb(std::chrono::seconds(-1), wrap(again, timer));
  };
  for (timecb_t& timer : timers) again(&timer);
  fdcb(p.in(), selread, wrap([&] {
         read = true;
         fdcb(p.in(), selread, nullptr);
       }));
  std::function<void()> look = [&] { read ? stop() : post(color(), look); };
  post(color(), look);
  run();
  EXPECT_TRUE(read);
  for (const timecb_t& timer : timers) timecb_remove(timer);
}

}  // namespace
}  // namespace async::test
