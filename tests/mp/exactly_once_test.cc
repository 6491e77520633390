// Guarantee 3 of mp/runtime.h: each posted callback runs exactly once, or is destroyed unrun by the
// stop, and the summary counts which.
//
// Serves stages 3 to 5.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>

#include <atomic>
#include <utility>

#include "tests/mp/tools.h"

#if !defined(ASYNC_UNIPROCESSOR)  // which has no threads: its tests are in one_cpu_test.cc

namespace {

using async::color;
using async::post;
using async::run_summary;
using async::runtime;
using async::test::baton;

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
  cpus.drain();
  const run_summary summary = cpus.stop();
  EXPECT_EQ(summary.ran, 3 * posted);
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

}  // namespace

#endif
