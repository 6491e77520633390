// The guarantees that mp/runtime.h lists, each with the test that holds it. Number 3, exactly once,
// is in exactly_once_test.cc, and number 4, fairness, in fairness_test.cc; number 7, cancellation,
// is tested with the event sources.
//
// Serves stages 3 to 5. The names of the test suites are those of the guarantees.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/mp/load.h"
#include "tests/mp/tools.h"

#if !defined(ASYNC_UNIPROCESSOR)  // which has no threads: its tests are in one_cpu_test.cc

namespace {

using async::color;
using async::cpucb;
using async::cwrap;
using async::on_worker;
using async::post;
using async::publish;
using async::run_summary;
using async::runtime;
using async::wrap;
using async::test::baton;
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
    posters[p] = std::thread([&load, p] {
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

#endif
