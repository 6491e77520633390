// Tests of the explorer itself: it must find the bugs planted here, and nothing in the correct
// forms.
//
// Serves no stage: a green exploration of mp/ means something only because these are red without
// their fence, order or lock. Each pair of cases differs in just that.
//
// Thread safety: explorations run one at a time.

#include <array>
#include <cstdlib>

#include "tests/mp/explore/gtest.h"
#include "tests/mp/explore/miniature.h"
#include "tests/support/support.h"

namespace {

namespace explore = async::explore;
using explore::check;
using explore::relaxed;

constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;

// Two increments, made of a load and a store or of one addition.
template <bool OneOperation>
struct increments {
  static constexpr unsigned threads = 2;
  explore::atomic<int> n{0};
  void thread(unsigned) {
    if (OneOperation)
      n.fetch_add(1);
    else
      n.store(n.load() + 1);
  }
  void finish() { check(n.load() == 2, "an increment is lost"); }
};

TEST(explorer, finds_a_lost_update) {
  EXPECT_TRUE(finds(explore::all<increments<false>>(), "an increment is lost"));
}

TEST(explorer, finds_nothing_in_an_atomic_increment_and_knows_that_it_tried_all) {
  const auto r = explore::all<increments<true>>();
  EXPECT_TRUE(holds(r));
  EXPECT_TRUE(r.complete);
}

TEST(explorer, finds_a_lost_update_at_random) {
  const explore::options o{.schedules = explore::scaled(10000), .seed = async::test::test_seed()};
  EXPECT_TRUE(finds(explore::random<increments<false>>(o), "an increment is lost"));
}

// Each says that it is there, then looks for the other: Dekker's algorithm, and the parking
// protocol's heart. A store may be seen late unless a fence comes between.
enum class between { nothing, acquire_release_fence, fence, exchange };
template <between Between>
struct dekker {
  static constexpr unsigned threads = 2;
  std::array<explore::atomic<int>, 2> here;
  std::array<int, 2> seen{};
  void thread(unsigned i) {
    if (Between == between::exchange)
      here[i].exchange(1, std::memory_order_acq_rel);
    else
      here[i].store(1, release);
    if (Between == between::fence) explore::sync::fence();
    if (Between == between::acquire_release_fence) explore::fence(std::memory_order_acq_rel);
    seen[i] = here[1 - i].load(acquire);
  }
  void finish() { check(seen[0] + seen[1] > 0, "neither has seen the other"); }
};

TEST(explorer, finds_the_store_that_is_seen_late_where_a_fence_is_missing) {
  EXPECT_TRUE(finds(explore::all<dekker<between::nothing>>(), "neither"));
  EXPECT_TRUE(finds(explore::all<dekker<between::acquire_release_fence>>(), "neither"));
}

TEST(explorer, knows_that_an_exchange_is_no_fence_for_other_variables) {
  EXPECT_TRUE(finds(explore::all<dekker<between::exchange>>(), "neither"));
}

TEST(explorer, finds_nothing_where_there_is_a_full_fence) {
  EXPECT_TRUE(holds(explore::all<dekker<between::fence>>({.preemptions = 9, .stale = 9})));
}

template <std::memory_order Order>
struct dekker_ordered {
  static constexpr unsigned threads = 2;
  std::array<explore::atomic<int>, 2> here;
  std::array<int, 2> seen{};
  void thread(unsigned i) {
    here[i].store(1, Order == std::memory_order_seq_cst ? Order : release);
    seen[i] = here[1 - i].load(Order);
  }
  void finish() { check(seen[0] + seen[1] > 0, "neither has seen the other"); }
};

TEST(explorer, takes_seq_cst_accesses_for_totally_ordered) {
  EXPECT_TRUE(holds(explore::all<dekker_ordered<std::memory_order_seq_cst>>({.stale = 9})));
  EXPECT_TRUE(finds(explore::all<dekker_ordered<acquire>>(), "neither"));
}

// Data handed over by a flag.
template <std::memory_order Store, std::memory_order Load, bool Fences = false>
struct hand_over {
  static constexpr unsigned threads = 2;
  explore::plain<int> data{0};
  explore::atomic<bool> ready{false};
  void thread(unsigned i) {
    if (i == 0) {
      data = 42;
      if (Fences) explore::fence(release);
      ready.store(true, Store);
    } else if (ready.load(Load)) {
      if (Fences) explore::fence(acquire);
      check(data == 42, "stale data");
    }
  }
};

TEST(explorer, finds_a_hand_over_whose_store_or_load_is_too_weak) {
  EXPECT_TRUE(finds(explore::all<hand_over<relaxed, acquire>>(), "data race"));
  EXPECT_TRUE(finds(explore::all<hand_over<release, relaxed>>(), "data race"));
}

TEST(explorer, accepts_a_hand_over_by_release_and_acquire_or_by_fences) {
  EXPECT_TRUE(holds(explore::all<hand_over<release, acquire>>()));
  EXPECT_TRUE(holds(explore::all<hand_over<relaxed, relaxed, true>>()));
}

// One waits for another's work: the wake-up may come between the look and the sleep.
template <bool LookAgain>
struct sleeper {
  static constexpr unsigned threads = 2;
  explore::atomic<int> work{0};
  explore::atomic<bool> asleep{false};
  explore::parker bed;
  void thread(unsigned i) {
    if (i == 0) {
      work.store(1, relaxed);
      explore::sync::fence();
      if (asleep.load(relaxed)) bed.signal();
    } else {
      if (work.load(relaxed) != 0) return;
      asleep.store(true, relaxed);
      explore::sync::fence();
      if (LookAgain && work.load(relaxed) != 0) return;
      bed.wait();
    }
  }
};

TEST(explorer, finds_a_lost_wake_up_and_says_who_sleeps) {
  EXPECT_TRUE(finds(explore::all<sleeper<false>>(), "nobody can go on: t1 in parker::wait"));
  EXPECT_TRUE(holds(explore::all<sleeper<true>>({.preemptions = 9, .stale = 9})));
}

// A stack of nodes that are used again, with and without a count beside the pointer.
template <bool Counted>
struct stack {
  static constexpr unsigned threads = 2;
  struct node {
    explore::atomic<unsigned> next{0};
    explore::atomic<int> held{0};
  };
  std::array<node, 3> nodes;          // number 0 is "none"
  explore::atomic<unsigned> head{1};  // the node's number; from bit 8 on the count
  stack() { nodes[1].next.store(2); }
  unsigned pop() {
    unsigned top = head.load(acquire);
    for (;;) {
      const unsigned n = top & 0xff;
      if (n == 0) return 0;
      const unsigned next = nodes[n].next.load(relaxed);
      if (head.compare_exchange_strong(top, next | (Counted ? (top & ~0xffU) + 0x100 : 0),
                                       std::memory_order_acq_rel, acquire))
        return n;
    }
  }
  void push(unsigned n) {
    unsigned top = head.load(relaxed);
    do {
      nodes[n].next.store(top & 0xff, relaxed);
    } while (!head.compare_exchange_strong(top, n | (Counted ? (top & ~0xffU) + 0x100 : 0),
                                           std::memory_order_acq_rel, relaxed));
  }
  void use(unsigned n) {
    if (n != 0) check(nodes[n].held.fetch_add(1) == 0, "a node has been given out twice");
  }
  void thread(unsigned i) {
    if (i == 0) {
      use(pop());
    } else {
      const unsigned first = pop();
      use(pop());
      if (first != 0) push(first);
    }
  }
  void finish() {
    const unsigned left = pop();
    use(left);
  }
};

TEST(explorer, finds_that_a_node_comes_back_between_the_look_and_the_exchange) {
  EXPECT_TRUE(finds(explore::all<stack<false>>({.preemptions = 3}), "given out twice"));
}

TEST(explorer, finds_nothing_in_a_counted_stack) {
  EXPECT_TRUE(holds(explore::all<stack<true>>({.preemptions = 3})));
}

template <bool Locked>
struct guarded {
  static constexpr unsigned threads = 3;
  explore::mutex m;
  explore::plain<int> n{0};
  void thread(unsigned) {
    if (Locked) m.lock();
    n = n + 1;
    if (Locked) m.unlock();
  }
  void finish() { check(n == 3, "an increment is lost"); }
};

TEST(explorer, finds_a_race_on_plain_data_unless_a_mutex_guards_it) {
  EXPECT_TRUE(finds(explore::all<guarded<false>>(), "data race"));
  EXPECT_TRUE(holds(explore::all<guarded<true>>({.preemptions = 9})));
}

struct embrace {
  static constexpr unsigned threads = 2;
  std::array<explore::mutex, 2> m;
  void thread(unsigned i) {
    m[i].lock();
    m[1 - i].lock();
    m[1 - i].unlock();
    m[i].unlock();
  }
};

TEST(explorer, finds_a_deadly_embrace) {
  EXPECT_TRUE(finds(explore::all<embrace>(), "nobody can go on: t0 in mutex::lock; t1 in mutex"));
}

struct spinner {
  static constexpr unsigned threads = 2;
  explore::atomic<bool> flag{false};
  bool set;
  explicit spinner(bool will_be_set = true) : set(will_be_set) {}
  void thread(unsigned i) {
    if (i == 0) {
      while (!flag.load(acquire)) explore::sync::relax();
    } else if (set) {
      flag.store(true, release);
    }
  }
};
struct endless : spinner {
  endless() : spinner(false) {}
};

TEST(explorer, lets_others_go_on_while_one_spins_and_finds_the_one_that_never_ends) {
  EXPECT_TRUE(holds(explore::all<spinner>({.preemptions = 9})));
  EXPECT_TRUE(finds(explore::all<endless>(), "does not end"));
}

struct destroyed_early {
  static constexpr unsigned threads = 2;
  struct box {
    explore::atomic<int> n{0};
  };
  explore::atomic<box*> where{nullptr};
  alignas(box) std::array<char, sizeof(box)> room;
  explore::atomic<bool> done{false};
  void thread(unsigned i) {
    if (i == 0) {
      box* b = new (room.data()) box;
      where.store(b, release);
      b->~box();
    } else if (box* b = where.load(acquire)) {
      b->n.store(1, relaxed);
    }
  }
};

TEST(explorer, finds_that_a_variable_is_destroyed_while_another_thread_may_use_it) {
  const auto r = explore::all<destroyed_early>();
  EXPECT_TRUE(finds(r, "variable v2 is"));
}

// Workers may be blocked for good until `quiesce` ends them, and what it sees is all there is.
struct daemon_worker {
  static constexpr unsigned threads = 2;
  explore::parker bed;
  explore::atomic<bool> ends{false};
  explore::atomic<int> ran{0};
  void thread(unsigned i) {
    if (i == 0) {
      bed.signal();
      return;
    }
    for (;;) {
      bed.wait();
      if (ends.load(relaxed)) return;
      ran.fetch_add(1, relaxed);
    }
  }
  void quiesce() {
    check(ran.load(relaxed) == 1, "the worker has not run, or quiesce does not see it");
    ends.store(true, relaxed);
    bed.signal();
  }
};

TEST(explorer, calls_quiesce_once_nobody_can_go_on) {
  EXPECT_TRUE(holds(explore::all<daemon_worker>({.preemptions = 9, .stale = 9})));
}

// Independent reads of independent writes: two readers may disagree on the order of two stores, but
// one variable's values come in the same order to all.
template <bool Seq>
struct two_readers {
  static constexpr unsigned threads = 4;
  static constexpr auto order = Seq ? std::memory_order_seq_cst : acquire;
  std::array<explore::atomic<int>, 2> at;
  std::array<std::array<int, 2>, 2> seen{};
  void thread(unsigned i) {
    if (i < 2) {
      at[i].store(1, release);
      return;
    }
    seen[i - 2][0] = at[i - 2].load(order);
    seen[i - 2][1] = at[3 - i].load(order);
  }
  void finish() {
    check(!(seen[0][0] == 1 && seen[0][1] == 0 && seen[1][0] == 1 && seen[1][1] == 0),
          "the readers disagree");
  }
};

TEST(explorer, lets_acquire_readers_disagree_but_not_seq_cst_ones) {
  EXPECT_TRUE(finds(explore::all<two_readers<false>>({.preemptions = 3, .stale = 2}), "disagree"));
  EXPECT_TRUE(holds(explore::all<two_readers<true>>({.preemptions = 3, .stale = 2})));
}

struct coherence {
  static constexpr unsigned threads = 2;
  explore::atomic<int> n{0};
  void thread(unsigned i) {
    if (i == 0) {
      n.store(1, relaxed);
      n.store(2, relaxed);
    } else {
      const int first = n.load(relaxed);
      check(n.load(relaxed) >= first, "an older value after a newer one");
    }
  }
};

TEST(explorer, never_shows_an_older_value_after_a_newer_one) {
  const auto r = explore::all<coherence>({.preemptions = 9, .stale = 9});
  EXPECT_TRUE(holds(r));
  EXPECT_TRUE(r.complete);
}

TEST(explorer, repeats_a_failure_from_its_schedule) {
  const auto r = explore::all<sleeper<false>>();
  ASSERT_TRUE(r.failed);
  const auto once_more = explore::again<sleeper<false>>(r.schedule);
  EXPECT_TRUE(once_more.failed);
  EXPECT_EQ(once_more.what, r.what);
  EXPECT_EQ(once_more.log, r.log);
}

struct throws {
  static constexpr unsigned threads = 1;
  void thread(unsigned) { throw 1; }
};

TEST(explorer, reports_an_exception_that_leaves_a_thread) {
  EXPECT_TRUE(finds(explore::all<throws>(), "an exception left the thread"));
}

}  // namespace
