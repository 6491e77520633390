// The watchdog on two CPUs, and beside loads that it must not disturb.
//
// Serves stages 3 to 5, watched.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "mp/watchdog.h"
#include "tests/mp/load.h"
#include "tests/mp/tools.h"
#include "tests/mp/watched.h"
#include "wrap/wrap.h"

#if !defined(ASYNC_UNIPROCESSOR)  // which has no threads

namespace async::test {
namespace {

using namespace std::chrono_literals;

TEST(watchdog_of_two_cpus, says_what_drain_waits_for) {
  watched dog;
  const auto slow = make_ref<obstacle>();
  runtime cpus({.cpus = 2});
  cpus.start();
  cpucb(cwrap(color(17), slow, &obstacle::stand));
  std::thread other([&] {
    slow->inside.wait();
    std::string said;
    for (auto time = 0s; !has(said, "the program has waited for "); time += 1s) {
      said.clear();
      for (const std::string& one : dog.look(time)) said += one;
      std::this_thread::yield();  // it may not wait yet
    }
    EXPECT_TRUE(has(said, " for drain() to return")) << said;
    EXPECT_TRUE(has(said, ", color 17, for ")) << said;
    slow->go_on.post();
  });
  cpus.drain();
  cpus.stop();
  other.join();
}

// The table takes colors out of the queue and puts them back, all the time.
TEST(watchdog_of_two_cpus, does_not_disturb_a_load_that_it_looks_at) {
  constexpr unsigned colors = 20, tokens = 16;
  watched dog;
  token_load load(colors, 1, test_seed());
  std::atomic<bool> over{false};
  runtime cpus({.cpus = 2});
  cpus.start();
  std::thread other([&] {
    for (auto time = 0ms; !over.load(); time += 300ms) {
      dog.look(time);
      EXPECT_FALSE(hang_report().empty());
    }
  });
  for (unsigned i = 0; i != tokens; ++i) load.post_from(0, i % colors, lighter(20'000));
  load.wait_for(tokens);
  over.store(true);
  other.join();
  cpus.stop();
  EXPECT_EQ(load.overlaps() + load.disorders(), 0u);
}

TEST(watchdog_of_two_cpus, does_not_hide_work_from_drain) {
  constexpr unsigned callbacks = 30'000;  // to look at them takes longer than to fall asleep
  const std::vector<color> colors{color(40), color(41), color(42)};
  std::atomic<bool> over{false};
  runtime cpus({.cpus = 2});
  cpus.start();
  std::thread other([&] {
    while (!over.load()) EXPECT_FALSE(hang_report().empty());
  });
  for (unsigned round = 0; round != lighter(100); ++round) {
    std::atomic<unsigned> ran{0};
    for (unsigned i = 0; i != callbacks; ++i) post(colors[i % colors.size()], [&ran] { ++ran; });
    cpus.drain();
    ASSERT_EQ(ran.load(), callbacks);
  }
  over.store(true);
  other.join();
  cpus.stop();
}

}  // namespace
}  // namespace async::test

#endif
