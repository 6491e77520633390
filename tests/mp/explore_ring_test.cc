// The ring of runnable colors under every interleaving of small cases (stage 4): each item is taken
// once, in order, by its owner or a thief, with what was written before it was put in.
//
// Thread safety: explorations run one at a time.

#include <array>
#include <cstddef>

#include "mp/detail/ring.h"
#include "tests/mp/explore/gtest.h"
#include "tests/support/support.h"

namespace {

namespace explore = async::explore;
using explore::check;
using explore::scaled;

struct item {
  explore::plain<unsigned> number{0};  // in the order of putting in
  explore::plain<unsigned> taken{0};
};

// Thread 0 owns the ring: it puts `Items` in, taking some out itself, and uses each item that it
// has got back for a further one. The others take halves, and give what they took back by
// `returned`.
template <std::size_t Capacity, unsigned Items, unsigned Thieves, std::size_t Most>
struct ring_case {
  static constexpr unsigned threads = 1 + Thieves;
  async::detail::ring<explore::sync, item, Capacity> ring;
  std::array<item, Items> items;
  explore::atomic<unsigned> taken{0};

  void take(item* i, unsigned& last) {
    check(i->taken == 0, "an item is taken twice");
    i->taken = 1;
    check(i->number > last, "items are taken out of order");
    last = i->number;
    taken.fetch_add(1, std::memory_order_relaxed);
  }

  void thread(unsigned t) {
    unsigned last = 0;
    if (t == 0) {
      for (unsigned i = 0; i != Items;) {
        items[i].number = i + 1;
        if (ring.push(&items[i])) {
          ++i;
        } else if (item* out = ring.pop()) {
          take(out, last);
        }
      }
      while (item* out = ring.pop()) take(out, last);
      check(ring.size() == 0, "the owner finds no item, and yet one is left");
      return;
    }
    std::array<item*, Most> out;
    for (unsigned round = 0; round != 2; ++round) {
      const std::size_t n = ring.take(out.data(), Most);
      check(n <= Most, "more items are taken than there is room for");
      for (std::size_t i = 0; i != n; ++i) take(out[i], last);
    }
  }

  void finish() {
    for (auto& i : items) check(i.taken == 1, "an item is lost");
    check(ring.taken() == Items && ring.size() == 0 && ring.room() == Capacity, "the count is off");
  }
};

TEST(explore_ring, an_owner_and_a_thief) {
  EXPECT_TRUE(holds(explore::all<ring_case<2, 4, 1, 2>>({.preemptions = 3, .stale = 1})));
}

TEST(explore_ring, an_owner_and_a_thief_that_takes_several) {
  EXPECT_TRUE(holds(explore::all<ring_case<4, 6, 1, 4>>({.preemptions = 2, .stale = 2})));
}

TEST(explore_ring, an_owner_and_two_thieves) {
  EXPECT_TRUE(holds(explore::all<ring_case<2, 3, 2, 2>>({.preemptions = 2, .stale = 1})));
}

TEST(explore_ring, random_schedules_of_an_owner_and_three_thieves) {
  const explore::options o{
      .stale = 4, .schedules = scaled(50000), .seed = async::test::test_seed(), .length = 120};
  EXPECT_TRUE(holds(explore::random<ring_case<4, 9, 3, 4>>(o)));
}

// The same few items go round: the owner puts in again what it gets back from a thief, so places of
// the ring and items repeat (a taker that has been slow must not take the old for the new).
struct round_trip {
  static constexpr unsigned threads = 2;
  static constexpr unsigned trips = 3;
  async::detail::ring<explore::sync, item, 2> ring;
  std::array<item, 2> items;
  std::array<explore::atomic<item*>, 2> back;

  void thread(unsigned t) {
    if (t == 0)
      own();
    else
      steal();
  }

  void own() {
    for (unsigned trip = 0; trip != trips; ++trip) {
      for (unsigned i = 0; i != items.size(); ++i) {
        items[i].taken = 0;
        check(ring.push(&items[i]), "a ring with room is full");
      }
      for (unsigned got = 0; got != items.size();) {
        if (item* out = ring.pop()) {
          mark(out);
          ++got;
        } else {
          got += wait_for_returned();
        }
        for (auto& b : back)
          if (b.exchange(nullptr, std::memory_order_acquire) != nullptr) ++got;
      }
      for (auto& i : items) check(i.taken == 1, "an item is lost or taken twice");
    }
  }

  unsigned wait_for_returned() {
    for (;;) {
      for (auto& b : back)
        if (b.exchange(nullptr, std::memory_order_acquire) != nullptr) return 1;
      explore::relax();
    }
  }

  void steal() {
    for (unsigned round = 0; round != 3; ++round) {
      std::array<item*, 2> out;
      const std::size_t n = ring.take(out.data(), out.size());
      for (std::size_t i = 0; i != n; ++i) {
        mark(out[i]);
        back[static_cast<std::size_t>(out[i] - items.data())].store(out[i],
                                                                    std::memory_order_release);
      }
    }
  }

  static void mark(item* i) { i->taken = i->taken + 1; }
};

TEST(explore_ring, items_and_places_that_repeat) {
  EXPECT_TRUE(holds(explore::all<round_trip>({.preemptions = 3, .stale = 0})));
}

TEST(explore_ring, random_schedules_of_items_and_places_that_repeat) {
  const explore::options o{
      .stale = 4, .schedules = scaled(50000), .seed = async::test::test_seed(), .length = 100};
  EXPECT_TRUE(holds(explore::random<round_trip>(o)));
}

}  // namespace
