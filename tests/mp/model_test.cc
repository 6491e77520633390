// Random programs of colored callbacks, checked against a naive model of the queue.
//
// Serves stages 3 to 5. The program is drawn first: a tree of callbacks, each with a color and the
// posts that it makes, some of them before others. The model is one list: what a callback (or an
// outside thread) posts to a color runs in that order, a color runs one callback at a time, and
// every callback runs exactly once. From a real run each callback's begin and end are recorded,
// stamped with one global counter, and the record is checked against the model. On one CPU, where
// all posts are made before the start, the order within each color is fully determined and compared
// as such.
//
// Thread safety: each callback writes its own record only.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <thread>
#include <vector>

#include "tests/mp/tools.h"

#if !defined(ASYNC_UNIPROCESSOR)  // which has no threads: its tests are in one_cpu_test.cc

namespace {

using async::color;
using async::cpucb;
using async::cwrap;
using async::post;
using async::publish;
using async::runtime;
using async::test::lighter;
using async::test::make_prng;
using async::test::prng;
using async::test::test_seed;

// How a callback is posted: the ways must all mean the same.
enum class way { post_handle, post_number, cpucb_colored, call_colored };

struct planned {
  unsigned where;  // its color; 0 is the default color
  way how;
  std::vector<unsigned> makes;  // the callbacks that it posts, in order
  bool publishes;               // after its first post
  unsigned work;                // pauses, between its posts
};

struct plan {
  unsigned colors;
  std::vector<planned> callbacks;
  std::vector<std::vector<unsigned>> roots;  // what each outside thread posts, in order
};

plan draw(prng& random, unsigned size) {
  const auto below = [&random](unsigned n) { return static_cast<unsigned>(random() % n); };
  plan p;
  p.colors = 1 + below(12);
  const unsigned threads = 1 + below(3);
  p.roots.resize(threads);
  const unsigned self_in_8 = below(8);
  std::vector<unsigned> open;  // callbacks that may still get children
  for (unsigned i = 0; i != size; ++i) {
    planned c{below(p.colors), static_cast<way>(below(4)), {}, below(8) == 0, below(20)};
    const bool is_root = open.empty() || below(16) == 0;
    if (is_root) {
      p.roots[below(threads)].push_back(i);
    } else {
      const unsigned parent = open[below(static_cast<unsigned>(open.size()))];
      if (below(8) < self_in_8) c.where = p.callbacks[parent].where;
      // A plain call is not a post: it has its own test.
      if (c.where == p.callbacks[parent].where && c.how == way::call_colored)
        c.how = way::cpucb_colored;
      p.callbacks[parent].makes.push_back(i);
    }
    p.callbacks.push_back(std::move(c));
    open.push_back(i);
    if (open.size() > 64) open.erase(open.begin());
  }
  return p;
}

struct record {
  std::uint64_t posting = 0, posted = 0, began = 0, ended = 0;
  unsigned runs = 0;
};

class execution {
 public:
  explicit execution(const plan& p) : plan_(p), records_(p.callbacks.size()) {
    colors_.emplace_back();
    for (unsigned i = 1; i < p.colors; ++i) colors_.push_back(color{first_number + i});
  }

  void run(unsigned workers, bool posts_first) {
    runtime cpus({.cpus = workers, .pin = workers == 2});
    if (!posts_first) cpus.start();
    std::vector<std::thread> threads;
    for (const auto& roots : plan_.roots)
      threads.emplace_back([this, &roots] {
        for (const unsigned i : roots) submit(i);
      });
    for (auto& t : threads) t.join();
    if (posts_first) cpus.start();
    cpus.drain();
    const auto summary = cpus.stop();
    EXPECT_EQ(summary.ran, records_.size());
    EXPECT_EQ(summary.destroyed, 0u);
  }

  // Exactly once; exclusion; order.
  void check() const {
    std::map<unsigned, std::vector<const record*>> by_color;
    for (std::size_t i = 0; i != records_.size(); ++i) {
      ASSERT_EQ(records_[i].runs, 1u) << "callback " << i;
      by_color[plan_.callbacks[i].where].push_back(&records_[i]);
    }
    for (auto& [c, ran] : by_color) {
      std::sort(ran.begin(), ran.end(),
                [](const record* a, const record* b) { return a->began < b->began; });
      for (std::size_t k = 1; k < ran.size(); ++k)
        ASSERT_LT(ran[k - 1]->ended, ran[k]->began) << "two callbacks of color " << c << " overlap";
      check_fifo(c, ran);
    }
    for (const auto& roots : plan_.roots) check_order(roots, "an outside thread");
    for (const auto& c : plan_.callbacks) check_order(c.makes, "a callback");
  }

  // The callbacks of each color in the order in which they ran.
  std::vector<std::vector<unsigned>> order() const {
    std::vector<std::vector<unsigned>> result(plan_.colors);
    std::vector<unsigned> all(records_.size());
    for (unsigned i = 0; i != all.size(); ++i) all[i] = i;
    std::sort(all.begin(), all.end(),
              [this](unsigned a, unsigned b) { return records_[a].began < records_[b].began; });
    for (const unsigned i : all) result[plan_.callbacks[i].where].push_back(i);
    return result;
  }

 private:
  static constexpr std::uint64_t first_number = 5000;

  void submit(unsigned i) {
    record& mine = records_[i];
    mine.posting = ++clock_;
    post_as_planned(i);
    mine.posted = ++clock_;
  }

  void post_as_planned(unsigned i) {
    const planned& c = plan_.callbacks[i];
    const color number = c.where == 0 ? color{} : color{first_number + c.where};
    switch (c.how) {
      case way::post_handle:
        return post(colors_[c.where], [this, i] { callback(i); });
      case way::post_number:
        return post(number, [this, i] { callback(i); });
      case way::cpucb_colored:
        return cpucb(cwrap(number, this, &execution::callback, i));
      case way::call_colored:
        return cwrap(number, this, &execution::callback)(i);
    }
  }

  void callback(unsigned i) {
    record& mine = records_[i];
    mine.began = ++clock_;
    ++mine.runs;
    const planned& c = plan_.callbacks[i];
    EXPECT_TRUE(colors_[c.where].is_current());
    bool first = true;
    for (const unsigned k : c.makes) {
      for (unsigned n = c.work; n != 0; --n) async::detail::sync::relax();
      submit(k);
      if (first && c.publishes) publish();
      first = false;
    }
    mine.ended = ++clock_;
  }

  // Of what one poster has posted, what went to the same color ran in the order of posting.
  void check_order(const std::vector<unsigned>& posts, const char* by) const {
    std::map<unsigned, std::uint64_t> last;
    for (const unsigned i : posts) {
      auto& began = last[plan_.callbacks[i].where];
      ASSERT_LT(began, records_[i].began) << "posted by " << by << ", callback " << i;
      began = records_[i].began;
    }
  }

  // A color is a FIFO, whoever posts: what was posted before another post to it began runs first.
  static void check_fifo(unsigned c, const std::vector<const record*>& ran) {
    std::uint64_t first_posted = ~std::uint64_t{0};  // of those that ran later
    for (auto r = ran.rbegin(); r != ran.rend(); ++r) {
      ASSERT_LT((*r)->posting, (*r)->began);
      ASSERT_LT((*r)->posting, first_posted) << "color " << c << " is no FIFO";
      first_posted = std::min(first_posted, (*r)->posted);
    }
  }

  const plan& plan_;
  std::vector<color> colors_;
  std::vector<record> records_;
  std::atomic<std::uint64_t> clock_{0};
};

// The model: a list of pending callbacks; the oldest one of a color is what that color runs next,
// and with one CPU, turns aside, colors do not influence the order within another one unless they
// post to it. With every callback's posts going to its own color, each color is a queue by itself.
std::vector<std::vector<unsigned>> order_by_model(const plan& p) {
  std::vector<std::deque<unsigned>> pending(p.colors);
  for (const auto& roots : p.roots)
    for (const unsigned i : roots) pending[p.callbacks[i].where].push_back(i);
  std::vector<std::vector<unsigned>> result(p.colors);
  for (unsigned c = 0; c != p.colors; ++c) {
    while (!pending[c].empty()) {
      const unsigned i = pending[c].front();
      pending[c].pop_front();
      result[c].push_back(i);
      for (const unsigned k : p.callbacks[i].makes) pending[c].push_back(k);
    }
  }
  return result;
}

struct random_programs : testing::TestWithParam<unsigned> {};

TEST_P(random_programs, keep_exclusion_order_and_run_each_callback_once) {
  const unsigned workers = GetParam();
  prng random = make_prng(workers);
  const auto programs = lighter(400);
  for (std::uint64_t n = 0; n != programs; ++n) {
    const plan p = draw(random, n % 10 == 0 ? 5000 : 1 + static_cast<unsigned>(random() % 300));
    execution e(p);
    e.run(workers, n % 3 == 0);
    e.check();
    if (HasFatalFailure() || HasFailure()) FAIL() << "program " << n << ", seed " << test_seed();
  }
}

INSTANTIATE_TEST_SUITE_P(with_1_to_5_workers, random_programs, testing::Range(1u, 6u));

TEST(random_programs, that_post_to_their_own_color_run_each_color_as_the_model_does) {
  prng random = make_prng(100);
  const auto programs = lighter(400);
  for (std::uint64_t n = 0; n != programs; ++n) {
    plan p = draw(random, 1 + static_cast<unsigned>(random() % 400));
    // One outside thread, and every callback in its parent's color.
    for (std::size_t t = 1; t < p.roots.size(); ++t) {
      p.roots[0].insert(p.roots[0].end(), p.roots[t].begin(), p.roots[t].end());
    }
    p.roots.resize(1);
    for (auto& c : p.callbacks) {
      for (const unsigned k : c.makes) {
        p.callbacks[k].where = c.where;
        if (p.callbacks[k].how == way::call_colored) p.callbacks[k].how = way::post_handle;
      }
    }
    execution e(p);
    e.run(1 + static_cast<unsigned>(n % 3), true);
    e.check();
    ASSERT_EQ(e.order(), order_by_model(p)) << "program " << n << ", seed " << test_seed();
  }
}

}  // namespace

#endif
