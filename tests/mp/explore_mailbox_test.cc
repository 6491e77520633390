// The mailbox under every interleaving of small cases (stages 3 and 5): exclusion, order, nothing
// lost or run twice, one owner at a time, and no node freed while somebody may still look at it.
//
// The node's memory is given out again at once, last freed first, so that an address comes back as
// soon as the mailbox lets it. What one owner writes the next one reads as plain data, and so for
// the contents of the nodes: a missing acquire or release is a data race here.
//
// Thread safety: explorations run one at a time.

#include <array>
#include <new>

#include "mp/detail/mailbox.h"
#include "tests/mp/explore/gtest.h"
#include "tests/support/support.h"

namespace {

namespace explore = async::explore;
using explore::check;
using explore::scaled;

// What the callbacks of a case do, and their bookkeeping.
struct node {
  node* next = nullptr;
  explore::plain<unsigned> poster;
  explore::plain<unsigned> number;  // among the poster's
  explore::plain<bool> posts_again;
  std::array<unsigned, 3> runs_after{};  // of each poster so many must run before
  bool is_spent = false;

  void spend(int) { is_spent = true; }
  bool spent() const { return is_spent; }
  static void free(node* n, int);
  static void free_spent(node* n);
};

class node_pool {
 public:
  node_pool() {
    for (auto& room : rooms_) free_[count_++] = &room;
  }

  node* make(unsigned poster, unsigned number, bool posts_again) {
    check(count_ != 0, "the test's pool is too small");
    node* n = new (free_[--count_]) node;
    n->poster = poster;
    n->number = number;
    n->posts_again = posts_again;
    return n;
  }

  void free(node* n) {
    n->~node();
    free_[count_++] = n;
  }

  bool all_free() const { return count_ == rooms_.size(); }

 private:
  struct alignas(node) room {
    std::byte bytes[sizeof(node)];
  };
  std::array<room, 6> rooms_;
  std::array<void*, 6> free_;
  std::size_t count_ = 0;
};

node_pool* pool;  // of the case under test

void node::free(node* n, int) { pool->free(n); }

void node::free_spent(node* n) {
  check(n->is_spent, "a node is freed as spent that has not run");
  pool->free(n);
}

using mailbox = async::detail::mailbox<explore::sync, node>;

constexpr unsigned owner_is_poster =
    3;  // the poster number of what callbacks post to their own color

// One color, its callbacks, and what they check.
struct mailing_color {
  node_pool nodes;
  mailbox mail;
  explore::plain<int> running{0};
  std::array<explore::plain<unsigned>, 4> next_number;
  explore::plain<unsigned> own_posts{0};
  std::array<explore::atomic<unsigned>, 3> posted;  // by each poster, so many posts have returned

  mailing_color() { pool = &nodes; }

  // Whether the caller has become the owner.
  bool post(unsigned poster, unsigned number, bool posts_again = false) {
    const bool was_idle = mail.push(nodes.make(poster, number, posts_again));
    posted[poster].store(number + 1, std::memory_order_release);
    return was_idle;
  }

  // What the color posts to itself runs behind all that it knows to have been posted.
  void post_own() {
    const unsigned number = own_posts;
    own_posts = number + 1;
    node* n = nodes.make(owner_is_poster, number, false);
    for (std::size_t p = 0; p != posted.size(); ++p)
      n->runs_after[p] = posted[p].load(std::memory_order_acquire);
    mail.push_own(n);
  }

  // As its owner: runs the oldest callback. False if there is none.
  bool run_one() {
    node* n = mail.pop();
    if (n == nullptr) return false;
    running = running + 1;
    check(running == 1, "two callbacks of the color overlap");
    const unsigned poster = n->poster;
    check(n->number == next_number[poster], "a callback is lost, comes twice or out of order");
    next_number[poster] = next_number[poster] + 1;
    for (std::size_t p = 0; p != posted.size(); ++p)
      check(next_number[p] >= n->runs_after[p], "a post to the own color has overtaken others");
    if (n->posts_again) post_own();
    running = 0;
    mail.retire(n, 0);
    return true;
  }

  void run_until_idle() {
    do {
      while (run_one()) {}
    } while (!mail.give_up());
  }

  void check_all_ran(unsigned posters, unsigned each, unsigned own) {
    for (unsigned p = 0; p != posters; ++p) check(next_number[p] == each, "a callback has not run");
    check(next_number[owner_is_poster] == own, "a callback's own post has not run");
    check(nodes.all_free(), "a node is not freed");
    check(post(0, each), "the color is not idle in the end");
    run_until_idle();
  }
};

// Whoever makes the color runnable runs it until it is idle.
template <unsigned Posters, unsigned Each, unsigned WhichPostAgain>
struct posters_run_it : mailing_color {
  static constexpr unsigned threads = Posters;
  void thread(unsigned i) {
    for (unsigned number = 0; number != Each; ++number)
      if (post(i, number, (WhichPostAgain >> i & 1) != 0)) run_until_idle();
  }
  void finish() {
    unsigned again = 0;
    for (unsigned i = 0; i != Posters; ++i) again += (WhichPostAgain >> i & 1) * Each;
    check_all_ran(Posters, Each, again);
  }
};

TEST(explore_mailbox, two_threads_that_post_twice_each) {
  EXPECT_TRUE(holds(explore::all<posters_run_it<2, 2, 0>>({.preemptions = 3, .stale = 2})));
}

TEST(explore_mailbox, three_threads_that_post_once_each) {
  EXPECT_TRUE(holds(explore::all<posters_run_it<3, 1, 0>>({.preemptions = 3, .stale = 1})));
}

TEST(explore_mailbox, callbacks_that_post_to_their_own_color) {
  EXPECT_TRUE(holds(explore::all<posters_run_it<2, 2, 3>>({.preemptions = 3, .stale = 2})));
}

TEST(explore_mailbox, random_schedules_of_three_threads) {
  const explore::options o{
      .stale = 3, .schedules = scaled(50000), .seed = async::test::test_seed(), .length = 40};
  EXPECT_TRUE(holds(explore::random<posters_run_it<3, 2, 5>>(o)));
}

// Posters hand the color to workers, which run one callback and hand it on while more are left. The
// queue between them is one place, since there is one color: in it twice would be two owners.
template <unsigned Each>
struct workers_run_it : mailing_color {
  static constexpr unsigned threads = 4;
  static constexpr unsigned posters = 2;
  static constexpr unsigned expected = posters * Each + Each;
  explore::atomic<bool> runnable{false};
  explore::atomic<unsigned> ran{0};

  void hand_on() {
    check(!runnable.exchange(true, std::memory_order_release), "the color is queued twice");
  }

  void thread(unsigned i) {
    if (i < posters) {
      for (unsigned number = 0; number != Each; ++number)
        if (post(i, number, i == 0)) hand_on();
      return;
    }
    while (ran.load(std::memory_order_relaxed) != expected) {
      if (runnable.exchange(false, std::memory_order_acquire))
        turn();
      else
        explore::relax();
    }
  }

  void turn() {
    unsigned done = run_one() ? 1 : 0;
    const bool more = mail.has_more() || !mail.give_up();
    if (more) hand_on();
    if (done != 0) ran.fetch_add(done, std::memory_order_relaxed);
  }

  void finish() {
    // The last one may have been handed on with nothing left but to give it up.
    if (runnable.load()) run_until_idle();
    check_all_ran(posters, Each, Each);
  }
};

TEST(explore_mailbox, two_workers_take_turns_with_what_two_threads_post) {
  EXPECT_TRUE(holds(explore::all<workers_run_it<1>>({.preemptions = 2, .stale = 0})));
}

TEST(explore_mailbox, random_schedules_of_two_posters_and_two_workers) {
  const explore::options o{
      .stale = 3, .schedules = scaled(50000), .seed = async::test::test_seed(), .length = 80};
  EXPECT_TRUE(holds(explore::random<workers_run_it<2>>(o)));
}

}  // namespace
