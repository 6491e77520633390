// The guarantees that mp/runtime.h lists, each with the test that holds it (number 7, cancellation,
// is tested with the event sources).
//
// Serves stages 3 to 5. The names of the test suites are those of the guarantees.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/mp/load.h"
#include "tests/mp/tools.h"

namespace {

using namespace std::chrono_literals;
using async::color;
using async::cpucb;
using async::cwrap;
using async::on_worker;
using async::post;
using async::publish;
using async::run_summary;
using async::runtime;
using async::turn_length;
using async::wrap;
using async::test::baton;
using async::test::event_source;
using async::test::lighter;
using async::test::test_seed;
using async::test::token_load;

// Runs `callback` under `c` and returns when it has run.
template <class F>
void run_under(const color& c, F&& callback) {
  baton ran;
  post(c, [&] {
    callback();
    ran.post();
  });
  ran.wait();
}

// 1 and 2

struct exclusion_and_order : testing::TestWithParam<unsigned> {};

TEST_P(exclusion_and_order, hold_while_tokens_hop_between_colors_and_two_threads_post) {
  const unsigned workers = GetParam();
  constexpr unsigned colors = 64, tokens_each = 64;
  const auto hops = static_cast<std::uint32_t>(lighter(10'000'000 / 8) / (2 * tokens_each));
  token_load load(colors, 2, test_seed() + workers);
  runtime cpus({.cpus = workers});
  cpus.start();
  std::array<std::thread, 2> posters;
  for (unsigned p = 0; p != 2; ++p) {
    posters[p] = std::thread([&load, p, hops] {
      for (unsigned i = 0; i != tokens_each; ++i) load.post_from(p, i * 7 % colors, hops - 1);
    });
  }
  for (auto& p : posters) p.join();
  load.wait_for(2 * tokens_each);
  const run_summary summary = cpus.stop();
  EXPECT_EQ(load.overlaps(), 0u);
  EXPECT_EQ(load.disorders(), 0u);
  EXPECT_EQ(load.ran(), std::uint64_t{2} * tokens_each * hops);
  EXPECT_EQ(summary.ran, load.ran());
  EXPECT_EQ(summary.destroyed, 0u);
}

INSTANTIATE_TEST_SUITE_P(with_1_to_8_workers, exclusion_and_order, testing::Range(1u, 9u));

TEST(order, of_posts_by_one_thread_holds_through_a_million_callbacks_of_one_color) {
  const std::uint64_t count = lighter(1'000'000);
  runtime cpus({.cpus = 2});
  cpus.start();
  const color c = color::fresh();
  std::uint64_t next = 0, wrong = 0;
  for (std::uint64_t i = 0; i != count; ++i) post(c, [&, i] { wrong += next++ != i; });
  run_under(c, [] {});
  cpus.stop();
  EXPECT_EQ(next, count);
  EXPECT_EQ(wrong, 0u);
}

TEST(order, of_a_post_to_the_own_color_is_behind_what_others_have_posted_before) {
  runtime cpus({.cpus = 2});
  cpus.start();
  const color c = color::fresh();
  for (int round = 0; round != 1000; ++round) {
    baton runs, others_posted;
    std::vector<std::string> order;
    post(c, [&] {
      runs.post();
      others_posted.wait();
      post(c, [&] { order.push_back("own"); });
    });
    runs.wait();
    post(c, [&] { order.push_back("first"); });
    post(c, [&] { order.push_back("second"); });
    others_posted.post();
    baton all;
    run_under(c, [&] { post(c, [&] { all.post(); }); });
    all.wait();
    ASSERT_EQ(order, (std::vector<std::string>{"first", "second", "own"}));
  }
}

// 3

// Counts how it ended: run, or destroyed unrun.
class tracked {
 public:
  tracked(std::atomic<unsigned>& ran, std::atomic<unsigned>& destroyed)
      : ran_(ran), destroyed_(&destroyed) {}
  tracked(tracked&& other) noexcept
      : ran_(other.ran_), destroyed_(std::exchange(other.destroyed_, nullptr)) {}
  ~tracked() {
    if (destroyed_ != nullptr) ++*destroyed_;
  }
  void operator()() {
    ++ran_;
    destroyed_ = nullptr;
  }

 private:
  std::atomic<unsigned>& ran_;
  std::atomic<unsigned>* destroyed_;  // null once it has run or been moved from
};

TEST(exactly_once, each_callback_runs_or_is_destroyed_and_the_summary_counts_which) {
  for (unsigned workers = 1; workers <= 3; ++workers) {
    std::atomic<unsigned> ran{0}, destroyed{0};
    constexpr unsigned posted = 20000;
    runtime cpus({.cpus = workers});
    cpus.start();
    for (unsigned i = 0; i != posted; ++i) post(color{i % 17}, tracked(ran, destroyed));
    const run_summary summary = cpus.stop();
    EXPECT_EQ(ran + destroyed, posted);
    EXPECT_EQ(summary.ran, ran);
    EXPECT_EQ(summary.destroyed, destroyed);
  }
}

TEST(exactly_once, what_callbacks_post_while_they_are_destroyed_counts_too) {
  struct posts_at_its_end {
    std::atomic<unsigned>* ended;
    int left;
    posts_at_its_end(std::atomic<unsigned>* e, int l) : ended(e), left(l) {}
    posts_at_its_end(posts_at_its_end&& o) noexcept
        : ended(std::exchange(o.ended, nullptr)), left(o.left) {}
    ~posts_at_its_end() {
      if (ended == nullptr) return;
      ++*ended;
      if (left != 0) post(color{1}, posts_at_its_end(ended, left - 1));
    }
    void operator()() const {}
  };
  std::atomic<unsigned> ended{0};
  runtime cpus({.cpus = 1});
  cpus.start();
  baton blocked, goes_on;
  post(color{}, [&] {
    blocked.post();
    goes_on.wait();
    async::stop();
  });
  blocked.wait();
  post(color{}, posts_at_its_end(&ended, 4));
  goes_on.post();
  const run_summary summary = cpus.stop();
  EXPECT_EQ(ended, 5u);
  EXPECT_EQ(summary.ran + summary.destroyed, 6u);
}

// Dropping the last handle to a color is work of the library's own: nobody posted it, so no count
// may know of it.
TEST(exactly_once, colors_that_end_are_not_in_the_summary) {
  runtime cpus({.cpus = 2});
  cpus.start();
  constexpr unsigned posted = 1000;
  for (unsigned i = 0; i != posted; ++i) {
    post(color::fresh(), [] {});
    post(color{}, [last_handle = color::fresh()] {});
    post(color{1000 + i}, [last_handle = color::fresh()] {});
  }
  run_under(color{}, [] {});
  cpus.drain();
  const run_summary summary = cpus.stop();
  EXPECT_EQ(summary.ran, 3 * posted + 1);
  EXPECT_EQ(summary.destroyed, 0u);
}

TEST(exactly_once, colors_that_end_with_a_destroyed_callback_are_not_in_the_summary) {
  constexpr unsigned posted = 100;
  runtime cpus({.cpus = 1});
  cpus.start();
  baton blocked, goes_on;
  post(color{}, [&] {
    blocked.post();
    goes_on.wait();
    async::stop();
  });
  blocked.wait();
  for (unsigned i = 0; i != posted; ++i) {
    post(color{}, [last_handle = color::fresh()] {});
    post(color::fresh(), [] {});
  }
  goes_on.post();
  const run_summary summary = cpus.stop();
  EXPECT_EQ(summary.ran + summary.destroyed, 2 * posted + 1);
}

// 4

// A color that posts itself for as long as it may, and counts for its worker.
struct alignas(64) worker_count {
  std::atomic<std::uint64_t> ran{0};
};
std::array<worker_count, 64> counts;
std::atomic<unsigned> next_count;
worker_count& my_count() {
  thread_local worker_count& mine = counts[next_count++ % counts.size()];
  return mine;
}

void hog(color c, const std::atomic<bool>& over) {
  // relaxed: read only by rounds of the test that tell a bound.
  auto& n = my_count().ran;
  n.store(n.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (!over) post(c, [c, &over]() mutable { hog(std::move(c), over); });
}

struct fairness : testing::TestWithParam<std::tuple<unsigned, unsigned>> {};

TEST_P(fairness, a_color_waits_for_a_bounded_number_of_callbacks_behind_colors_that_never_end) {
  const auto [workers, hogs] = GetParam();
  std::atomic<bool> over{false};
  runtime cpus({.cpus = workers});
  cpus.start();
  std::vector<color> colors;
  for (unsigned i = 0; i != hogs; ++i) {
    colors.push_back(color::fresh());
    post(colors.back(), [c = colors.back(), &over] { hog(c, over); });
  }
  const color victim = color::fresh();
  std::uint64_t longest = 0;
  const auto round = [&](bool inside) {
    // How much each worker had run when the post had been made: not before, for then the poster may
    // lose its CPU for long. If the victim runs before that is known, the round tells nothing.
    std::array<std::atomic<std::uint64_t>, counts.size()> before;
    for (auto& b : before) b = ~std::uint64_t{0};
    baton ran, looked;
    const auto post_victim = [&] {
      post(victim, [&] {
        const auto me = static_cast<std::size_t>(&my_count() - counts.data());
        const std::uint64_t from = before[me], to = counts[me].ran;
        if (to > from) longest = std::max(longest, to - from);
        ran.post();
      });
      for (std::size_t i = 0; i != counts.size(); ++i) before[i] = counts[i].ran.load();
      looked.post();
    };
    if (inside)
      post(colors[0], [&] { post_victim(); });
    else
      post_victim();
    ran.wait();
    looked.wait();
  };
  for (unsigned i = 0; i != lighter(1000); ++i) round(i % 2 == 0);
  over = true;
  cpus.drain();
  cpus.stop();
  EXPECT_LE(longest, async::fairness_bound(hogs + 1));
  RecordProperty("longest", static_cast<int>(longest));
}

INSTANTIATE_TEST_SUITE_P(cpus_and_hogs, fairness,
                         testing::Combine(testing::Values(1u, 2u), testing::Values(1u, 4u, 300u)));

TEST(fairness_of_turns, a_color_runs_at_most_turn_length_callbacks_in_a_row) {
  runtime cpus({.cpus = 1});
  std::vector<int> order;
  const std::array<color, 2> colors{color::fresh(), color::fresh()};
  for (int i = 0; i != 1000; ++i)
    for (int c = 0; c != 2; ++c) post(colors[c], [&order, c] { order.push_back(c); });
  cpus.start();
  cpus.drain();
  cpus.stop();
  ASSERT_EQ(order.size(), 2000u);
  unsigned row = 0, longest = 0;
  for (std::size_t i = 0; i != order.size(); ++i) {
    row = i != 0 && order[i] == order[i - 1] ? row + 1 : 1;
    longest = std::max(longest, row);
  }
  EXPECT_LE(longest, turn_length);
}

TEST(fairness_of_turns, a_chain_of_colors_through_the_slot_does_not_starve_the_queue) {
  runtime cpus({.cpus = 1});
  cpus.start();
  struct chain {
    std::atomic<bool> over{false};
    std::atomic<std::uint64_t> hops{0};
    void hop() {
      ++hops;
      if (!over) post(color::fresh(), [this] { hop(); });
    }
  } endless;
  post(color::fresh(), [&] { endless.hop(); });
  const color victim = color::fresh();
  std::uint64_t longest = 0;
  for (unsigned i = 0; i != lighter(1000); ++i) {
    baton ran;
    std::atomic<std::uint64_t> before{~std::uint64_t{0}};  // as above
    post(victim, [&] {
      const std::uint64_t from = before, to = endless.hops;
      if (to > from) longest = std::max(longest, to - from);
      ran.post();
    });
    before = endless.hops.load();
    ran.wait();
  }
  endless.over = true;
  cpus.drain();
  cpus.stop();
  EXPECT_LE(longest, async::fairness_bound(2));
}

TEST(fairness_to_readiness, a_busy_cpu_polls_after_a_bounded_number_of_callbacks) {
  struct counting_waiter : event_source {
    std::uint64_t ran = 0, ran_at_poll = 0, longest = 0;  // of the one worker
    void poll() noexcept override {
      longest = std::max(longest, ran - ran_at_poll);
      ran_at_poll = ran;
      event_source::poll();
    }
    void wait() noexcept override {
      event_source::wait();
      ran_at_poll = ran;
    }
  } waiter;
  struct self_poster {
    counting_waiter& waiter;
    color mine = color::fresh();
    std::uint64_t left = lighter(200'000);
    void run() {
      ++waiter.ran;
      if (--left != 0) post(mine, [this] { run(); });
    }
  };
  runtime cpus({.cpus = 1, .waiter = &waiter});
  std::vector<std::unique_ptr<self_poster>> hogs;
  for (int i = 0; i != 3; ++i) hogs.push_back(std::make_unique<self_poster>(waiter));
  for (auto& h : hogs) post(h->mine, [&h] { h->run(); });
  cpus.start();
  cpus.drain();
  cpus.stop();
  EXPECT_GT(waiter.longest, 0u);
  EXPECT_LE(waiter.longest, 4 * async::poll_interval + turn_length);
}

TEST(fairness_to_readiness, events_without_end_and_a_color_without_end_both_go_on) {
  for (const unsigned workers : {1u, 2u}) {
    event_source waiter;
    std::atomic<std::uint64_t> events{0}, posts{0};
    baton enough_events, enough_posts;
    struct {
      std::function<void()> event, hog;
    } again;
    const color event_color = color::fresh(), hog_color = color::fresh();
    const auto enough = lighter(5000);
    again.event = [&] {
      post(event_color, [&] {
        if (++events == enough) enough_events.post();
        waiter.fire(again.event);  // ready again at once
      });
    };
    again.hog = [&] {
      if (++posts == enough) enough_posts.post();
      post(hog_color, [&] { again.hog(); });
    };
    runtime cpus({.cpus = workers, .waiter = &waiter});
    cpus.start();
    waiter.fire(again.event);
    post(hog_color, [&] { again.hog(); });
    enough_events.wait();
    enough_posts.wait();
    cpus.stop();
  }
}

// With a CPU idle, readiness is looked at even while another runs a callback that takes long.
TEST(fairness_to_readiness, an_event_is_handled_by_an_idle_cpu_while_another_runs_a_long_callback) {
  event_source waiter;
  runtime cpus({.cpus = 2, .waiter = &waiter});
  cpus.start();
  bool handled = true;
  for (int round = 0; round != 100 && handled; ++round) {
    cpus.drain();  // both are asleep
    // In some rounds for so long that no sleeper watches any more (mp/detail/parking.h).
    if (round < 3) std::this_thread::sleep_for(150ms);
    baton first_runs, ended;
    std::promise<void> second_ran;
    waiter.fire([&] {
      post(color::fresh(), [&] {
        first_runs.post();
        // A limit, so that a failure is not a test that hangs.
        handled = second_ran.get_future().wait_for(3s) == std::future_status::ready;
        ended.post();
      });
    });
    first_runs.wait();
    waiter.fire([&] { post(color::fresh(), [&] { second_ran.set_value(); }); });
    ended.wait();
    cpus.drain();
  }
  EXPECT_TRUE(handled);
  cpus.stop();
}

// 5

// A program without colors: an order-dependent computation, with callbacks that post callbacks.
std::string run_without_colors(unsigned workers) {
  std::string trace;
  runtime cpus({.cpus = workers});
  struct node {
    std::string& trace;
    void visit(int n) {
      EXPECT_TRUE(color::current().is_default());
      trace += static_cast<char>('a' + n % 26);
      if (n > 60) return;
      cpucb(wrap(this, &node::visit, 2 * n + 1));
      cpucb(wrap(this, &node::visit, 3 * n + 1));
    }
  } root{trace};
  cpucb(wrap(&root, &node::visit, 0));
  cpucb(wrap(&root, &node::visit, 5));
  cpus.start();
  cpus.drain();
  cpus.stop();
  return trace;
}

TEST(default_color, makes_a_program_without_colors_run_the_same_on_any_number_of_cpus) {
  const std::string on_one = run_without_colors(1);
  EXPECT_GT(on_one.size(), 50u);
  for (unsigned workers = 2; workers <= 4; ++workers) {
    for (int i = 0; i != 20; ++i) ASSERT_EQ(run_without_colors(workers), on_one);
  }
}

TEST(default_color, is_that_of_number_0_and_of_no_callback) {
  EXPECT_TRUE(color().is_default());
  EXPECT_EQ(color(), color{0});
  EXPECT_NE(color(), color{1});
  EXPECT_EQ(color{5}, color{5});
  EXPECT_NE(color::fresh(), color::fresh());
  int object = 0, other = 0;
  EXPECT_EQ(color::of(&object), color::of(&object));
  EXPECT_NE(color::of(&object), color::of(&other));
  EXPECT_TRUE(color::current().is_default());
  EXPECT_FALSE(on_worker());
}

// 6

TEST(independence, as_many_colors_as_cpus_run_at_once) {
  for (const unsigned workers : {2u, 3u, 4u}) {
    runtime cpus({.cpus = workers, .pin = false});
    cpus.start();
    for (int round = 0; round != 50; ++round) {
      std::atomic<unsigned> came{0};
      std::vector<baton> all_came(workers), done(workers);
      for (unsigned i = 0; i != workers; ++i) {
        post(color::fresh(), [&, i] {
          if (++came == workers)
            for (auto& b : all_came) b.post();
          all_came[i].wait();
          done[i].post();
        });
      }
      for (auto& d : done) d.wait();
    }
    cpus.stop();
  }
}

TEST(independence, a_callback_can_wait_for_one_that_it_has_published) {
  runtime cpus({.cpus = 2});
  cpus.start();
  for (int round = 0; round != 1000; ++round) {
    run_under(color::fresh(), [] {
      baton other_ran;
      post(color::fresh(), [&] { other_ran.post(); });
      publish();
      other_ran.wait();
    });
  }
  cpus.stop();
}

// 8

void throws_out_of_range() { throw std::out_of_range("too far"); }

TEST(failure, of_a_callback_ends_the_program_naming_where_it_was_wrapped) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        runtime cpus({.cpus = 1});
        cpucb(wrap(&throws_out_of_range));
        cpus.run();
      },
      "guarantees_test.cc:.*too far");
  EXPECT_DEATH(
      {
        runtime cpus({.cpus = 1});
        post(color{3}, [] { throw 5; });
        cpus.run();
      },
      "guarantees_test.cc");
}

TEST(failure, goes_to_the_handler_under_the_callbacks_color_and_the_color_goes_on) {
  std::atomic<unsigned> handled{0}, destroyed{0};
  const color c = color::fresh();
  unsigned line = 0;
  std::string what;
  runtime cpus({.cpus = 2, .on_exception = [&](std::exception_ptr e, async::where site) {
                  EXPECT_TRUE(c.is_current());
                  EXPECT_NE(std::string(site.file_name()).find("guarantees_test.cc"),
                            std::string::npos);
                  line = static_cast<unsigned>(site.line());
                  try {
                    std::rethrow_exception(e);
                  } catch (const std::exception& caught) {
                    what = caught.what();
                  }
                  ++handled;
                }});
  cpus.start();
  struct counts_its_end {
    std::atomic<unsigned>* n;
    explicit counts_its_end(std::atomic<unsigned>* p) : n(p) {}
    counts_its_end(counts_its_end&& o) noexcept : n(std::exchange(o.n, nullptr)) {}
    ~counts_its_end() {
      if (n != nullptr) ++*n;
    }
  };
  const unsigned posted_at = __LINE__ + 1;
  post(c, [end = counts_its_end(&destroyed)] { throw std::runtime_error("one of mine"); });
  run_under(c, [] {});
  cpus.drain();
  const run_summary summary = cpus.stop();
  EXPECT_EQ(handled, 1u);
  EXPECT_EQ(destroyed, 1u);
  EXPECT_EQ(what, "one of mine");
  EXPECT_EQ(line, posted_at);
  EXPECT_EQ(summary.ran, 2u);
}

// 9

TEST(colored_calls, from_the_own_color_are_plain_calls) {
  runtime cpus({.cpus = 2});
  cpus.start();
  const color c = color::fresh();
  std::string order;
  auto colored = cwrap(c, [&](const std::string& text) { order += text; });
  run_under(c, [&] {
    order += "(";
    colored("called");
    order += ")";
  });
  EXPECT_EQ(order, "(called)");
  cpus.stop();
}

TEST(colored_calls, from_other_colors_and_from_outside_are_posted) {
  runtime cpus({.cpus = 2});
  cpus.start();
  const color c = color::fresh();
  baton called;
  bool under_it = false;
  auto colored = cwrap(c, [&](std::unique_ptr<int> moved) {
    under_it = c.is_current() && *moved == 7;
    called.post();
  });
  EXPECT_EQ(async::color_of(*colored), c);
  colored(std::make_unique<int>(7));
  called.wait();
  EXPECT_TRUE(under_it);
  // A worker that holds c's place keeps a call from elsewhere from being anything but posted.
  baton holds, let_go, returned;
  post(c, [&] {
    holds.post();
    let_go.wait();
  });
  holds.wait();
  under_it = false;
  post(color::fresh(), [&] {
    colored(std::make_unique<int>(7));
    returned.post();
  });
  returned.wait();
  EXPECT_FALSE(called.try_wait());
  let_go.post();
  called.wait();
  EXPECT_TRUE(under_it);
  cpus.stop();
}

TEST(colored_calls, cpucb_posts_even_from_the_own_color) {
  runtime cpus({.cpus = 1});
  cpus.start();
  const color c = color::fresh();
  std::string order;
  auto colored = cwrap(c, [&] { order += "called"; });
  run_under(c, [&] {
    order += "(";
    cpucb(colored);
    order += ")";
  });
  cpus.drain();
  EXPECT_EQ(order, "()called");
  cpus.stop();
}

}  // namespace
