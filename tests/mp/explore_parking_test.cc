// Parking under every interleaving of small cases (stage 4): no wake-up is lost, no work is
// stranded while a worker sleeps, and draining means what it says.
//
// The cases run parking.h and ring.h in a miniature of the worker: its own ring, the part that
// other threads fill, searching, sleeping and leading in the same steps as mp/worker_idle.cc. A
// wake-up that is lost leaves all threads blocked, or work behind when nobody can go on; the
// explorer reports both. A callback that waits until another worker has run what it has published
// is how a wake-up that only *should* have been made becomes visible.
//
// Thread safety: explorations run one at a time.

#include <array>
#include <chrono>

#include "tests/mp/explore/gtest.h"
#include "tests/mp/explore/miniature.h"
#include "tests/support/support.h"

namespace {

namespace explore = async::explore;
using explore::check;
using explore::job;
using explore::miniature;
using explore::relaxed;
using explore::scaled;

// Threads from outside post one job each and go.
template <unsigned Posters, unsigned Workers>
struct outside_posts : miniature<outside_posts<Posters, Workers>, Workers> {
  static constexpr unsigned threads = Posters + Workers;
  std::array<job, Posters> jobs;
  void thread(unsigned t) {
    if (t < Workers)
      this->work(t);
    else
      this->post(jobs[t - Workers]);
  }
  void run(unsigned, job&) {}
  void quiesce() {
    for (auto& j : jobs) check(j.ran.load(relaxed) == 1, "all sleep, and yet there is work");
    this->stop();
  }
};

TEST(explore_parking, a_post_from_outside_and_one_worker) {
  EXPECT_TRUE(holds(explore::all<outside_posts<1, 1>>({.preemptions = 3, .stale = 2})));
}

TEST(explore_parking, two_posts_from_outside_and_one_worker) {
  EXPECT_TRUE(holds(explore::all<outside_posts<2, 1>>({.preemptions = 2, .stale = 1})));
}

TEST(explore_parking, a_post_from_outside_and_two_workers) {
  EXPECT_TRUE(holds(explore::all<outside_posts<1, 2>>({.preemptions = 1, .stale = 1})));
}

TEST(explore_parking, random_schedules_of_posts_from_outside) {
  const explore::options o{
      .stale = 4, .schedules = scaled(30000), .seed = async::test::test_seed(), .length = 120};
  EXPECT_TRUE(holds(explore::random<outside_posts<1, 2>>(o)));
  EXPECT_TRUE(holds(explore::random<outside_posts<2, 3>>(o)));
}

// A callback publishes another one and waits until it has run: a second worker has to.
struct waits_for_one : miniature<waits_for_one, 2> {
  static constexpr unsigned threads = 3;
  job root, leaf;
  explore::parker leaf_ran;
  void thread(unsigned t) {
    if (t < 2)
      work(t);
    else
      post(root);
  }
  void run(unsigned worker, job& j) {
    if (&j == &leaf) return leaf_ran.signal();
    publish(worker, leaf);
    leaf_ran.wait();
  }
  void quiesce() {
    check(root.ran.load(relaxed) == 1, "the callback that waits for another still waits");
    stop();
  }
};

TEST(explore_parking, a_callback_that_waits_until_another_worker_has_run_what_it_published) {
  EXPECT_TRUE(holds(explore::all<waits_for_one>({.preemptions = 1, .stale = 1})));
}

// The same with three workers: both published callbacks must be running at once while the first
// waits for them. The searcher that takes one is the only one that may still see the other.
struct waits_for_two : miniature<waits_for_two, 3> {
  static constexpr unsigned threads = 4;
  job root, left, right;
  explore::parker left_came, right_came, both_ran;
  void thread(unsigned t) {
    if (t < 3)
      work(t);
    else
      post(root);
  }
  void run(unsigned worker, job& j) {
    if (&j == &root) {
      publish(worker, left);
      publish(worker, right);
      both_ran.wait();
    } else if (&j == &left) {
      left_came.signal();
      right_came.wait();
      both_ran.signal();
    } else {
      right_came.signal();
      left_came.wait();
    }
  }
  void quiesce() {
    check(root.ran.load(relaxed) == 1, "the callback that waits for two others still waits");
    stop();
  }
};

TEST(explore_parking, a_callback_that_waits_until_two_other_workers_run_what_it_published) {
  EXPECT_TRUE(holds(
      explore::all<waits_for_two>({.preemptions = 1, .stale = 0, .schedules = scaled(20000)})));
  const explore::options o{
      .stale = 3, .schedules = scaled(30000), .seed = async::test::test_seed(), .length = 150};
  EXPECT_TRUE(holds(explore::random<waits_for_two>(o)));
}

// As above, but each publishes the next: root -> left -> right, on three workers.
struct waits_in_a_chain : miniature<waits_in_a_chain, 3> {
  static constexpr unsigned threads = 4;
  job root, left, right;
  explore::parker left_ran, right_ran;
  void thread(unsigned t) {
    if (t < 3)
      work(t);
    else
      post(root);
  }
  void run(unsigned worker, job& j) {
    if (&j == &root) {
      publish(worker, left);
      left_ran.wait();
    } else if (&j == &left) {
      publish(worker, right);
      right_ran.wait();
      left_ran.signal();
    } else {
      right_ran.signal();
    }
  }
  void quiesce() {
    check(root.ran.load(relaxed) == 1, "the callback that waits for a chain still waits");
    stop();
  }
};

TEST(explore_parking, a_chain_of_callbacks_that_wait_for_another_worker_each) {
  const explore::options o{
      .stale = 3, .schedules = scaled(30000), .seed = async::test::test_seed(), .length = 150};
  EXPECT_TRUE(holds(explore::random<waits_in_a_chain>(o)));
}

// A thread outside posts, drains, and then expects that all has run.
template <unsigned Workers>
struct drains : miniature<drains<Workers>, Workers> {
  static constexpr unsigned threads = Workers + 1;
  job first, second;
  explore::plain<int> written{0};
  explore::parker self;
  void thread(unsigned t) {
    if (t < Workers) return this->work(t);
    for (job* j : {&first, &second}) {
      this->post(*j);
      this->drain(self);
      check(j->ran.load(relaxed) == 1, "drained, and yet a callback has not run");
      check(written == 1, "drained, and yet what a callback wrote cannot be seen");
      written = 0;
    }
  }
  void run(unsigned, job&) { written = 1; }
  void quiesce() {
    check(second.ran.load(relaxed) == 1, "a callback has not run");
    this->stop();
  }
};

TEST(explore_parking, draining_waits_for_all_that_was_posted_and_shows_what_it_wrote) {
  EXPECT_TRUE(holds(explore::all<drains<1>>({.preemptions = 2, .stale = 1})));
  EXPECT_TRUE(holds(explore::all<drains<2>>({.preemptions = 1, .stale = 1})));
  const explore::options o{
      .stale = 3, .schedules = scaled(30000), .seed = async::test::test_seed(), .length = 150};
  EXPECT_TRUE(holds(explore::random<drains<2>>(o)));
}

// One worker leads: events and posts both reach it, and it is woken where it is the only one
// asleep.
template <unsigned Workers>
struct leads : miniature<leads<Workers>, Workers> {
  static constexpr unsigned threads = Workers + 2;
  job event, outside;
  leads() { this->have_waiter(); }
  void thread(unsigned t) {
    if (t < Workers) return this->work(t);
    if (t == Workers) {
      event.input = 1;
      this->waiter.fire(&event);
    } else {
      this->post(outside);
    }
  }
  void run(unsigned, job&) {}
  void quiesce() {
    check(event.ran.load(relaxed) == 1, "all sleep, and yet an event has not been handled");
    check(outside.ran.load(relaxed) == 1, "all sleep, and yet there is work");
    this->stop();
  }
};

TEST(explore_parking, a_leader_hears_of_events_and_of_posts) {
  EXPECT_TRUE(holds(explore::all<leads<1>>({.preemptions = 2, .stale = 1})));
  EXPECT_TRUE(holds(explore::all<leads<2>>({.preemptions = 1, .stale = 0})));
  const explore::options o{
      .stale = 3, .schedules = scaled(30000), .seed = async::test::test_seed(), .length = 150};
  EXPECT_TRUE(holds(explore::random<leads<2>>(o)));
}

// A worker that sleeps with time limits, to watch for work that was published without a wake-up,
// and tells when it has had so many that it is about to give up watching.
explore::parker* patience_is_out;
struct counting_parker : explore::timed_parker {
  int timeouts = 0;
  bool wait_for(std::chrono::nanoseconds limit) noexcept {
    const bool signalled = explore::timed_parker::wait_for(limit);
    if (!signalled && ++timeouts == 64) patience_is_out->signal();
    return signalled;
  }
};
struct watching_sync : explore::sync {
  using parker = counting_parker;
};

// Two events of one poll are not worth a wake-up, so the leader publishes the second silently and
// runs the first, which waits for the second: the watching worker has to find it, at whatever
// moment the events come, that of its giving up included. A first event keeps the leader busy, and
// leading, and has the other worker woken, which then goes back to sleep and watches.
struct silent_work : miniature<silent_work, 2, watching_sync> {
  static constexpr unsigned threads = 3;
  job warm_up, nudge, one, two;
  explore::parker quiet, two_ran;
  explore::atomic<bool> fired{false};
  silent_work() {
    have_waiter();
    patience_is_out = &quiet;
  }
  void thread(unsigned t) {
    if (t < 2) return work(t);
    for (job* j : {&warm_up, &one, &two}) j->input = 1;
    waiter.fire(&warm_up);
    quiet.wait();
    if (stopping.load(relaxed)) return;
    fired.store(true, relaxed);
    waiter.fire(&one, &two);
  }
  void run(unsigned worker, job& j) {
    if (&j == &warm_up) {
      const bool leads = !led.exchange(true);  // a busy worker that polls: the other cannot lead
      publish(worker, nudge);
      // In a few schedules the other one finds no reason to watch: they show nothing.
      for (int i = 0; i != 100 && !parking.watched(); ++i) explore::relax();
      if (leads) led.store(false);
    } else if (&j == &one) {
      two_ran.wait();
    } else if (&j == &two) {
      two_ran.signal();
    }
  }
  void quiesce() {
    check(!fired.load(relaxed) || one.ran.load(relaxed) == 1,
          "work lies behind a long callback while a worker sleeps");
    stop();
    quiet.signal();
  }
};

TEST(explore_parking, work_published_without_a_wake_up_is_found_even_as_the_watcher_gives_up) {
  EXPECT_TRUE(
      holds(explore::all<silent_work>({.preemptions = 1, .stale = 1, .schedules = scaled(15000)})));
}

}  // namespace
