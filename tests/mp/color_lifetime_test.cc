// How long colors exist: handles made, looked up and dropped while their callbacks come and go.
//
// Serves stages 3 and 5: mp/detail/color_state.h, with real threads.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "tests/mp/tools.h"

#if !defined(ASYNC_UNIPROCESSOR)  // which has no threads: its tests are in one_cpu_test.cc

namespace {

using async::color;
using async::post;
using async::run_summary;
using async::runtime;
using async::test::lighter;

TEST(color_lifetime, end_with_their_last_handle_and_callback_and_not_before) {
  runtime cpus({.cpus = 2});
  cpus.start();
  // Looking a color up while its end is under way, from several threads.
  std::atomic<std::uint64_t> ran{0};
  const auto each = lighter(200'000);
  std::array<std::thread, 3> threads;
  for (unsigned t = 0; t != threads.size(); ++t) {
    threads[t] = std::thread([&, t] {
      async::test::prng random = async::test::make_prng(t);
      for (std::uint64_t i = 0; i != each; ++i) {
        post(color{1 + random() % 2}, [&] { ran.fetch_add(1, std::memory_order_relaxed); });
        // Sometimes the color goes idle in between, sometimes not.
        for (auto pause = random() % 64; pause != 0; --pause) async::detail::sync::relax();
      }
    });
  }
  for (auto& t : threads) t.join();
  cpus.drain();
  const run_summary summary = cpus.stop();
  EXPECT_EQ(ran, 3 * each);
  EXPECT_EQ(summary.ran, 3 * each);
}

TEST(color_lifetime, of_one_object_are_the_same_while_any_part_of_it_is_known) {
  runtime cpus({.cpus = 2});
  cpus.start();
  struct client {
    unsigned entered = 0;  // its color's
  };
  std::vector<client> clients(8);
  const auto each = lighter(100'000);
  std::array<std::thread, 2> threads;
  for (unsigned t = 0; t != threads.size(); ++t) {
    threads[t] = std::thread([&, t] {
      async::test::prng random = async::test::make_prng(10 + t);
      for (std::uint64_t i = 0; i != each; ++i) {
        client& c = clients[random() % clients.size()];
        post(color::of(&c), [&c] { ++c.entered; });
      }
    });
  }
  for (auto& t : threads) t.join();
  cpus.drain();
  cpus.stop();
  std::uint64_t sum = 0;
  for (auto& c : clients) sum += c.entered;
  EXPECT_EQ(sum, 2 * each);
}

TEST(color_lifetime, can_be_copied_moved_and_dropped_in_their_own_and_in_other_callbacks) {
  runtime cpus({.cpus = 2});
  cpus.start();
  std::atomic<unsigned> ran{0};
  const auto rounds = static_cast<unsigned>(lighter(20'000));
  for (unsigned i = 0; i != rounds; ++i) {
    color c = color::fresh();
    const color other = color{i % 3};
    post(c, [&ran, c, other]() mutable {
      color copy = c;
      post(other, [&ran, copy]() mutable {
        color moved = std::move(copy);
        post(moved, [&ran, moved] { ++ran; });
        moved = color::current();
        ++ran;
      });
      c = other;
      copy = color{};
      ++ran;
    });
  }
  cpus.drain();
  EXPECT_EQ(ran, 3 * rounds);
  EXPECT_EQ(cpus.stop().ran, 3 * rounds);
}

}  // namespace

#endif
