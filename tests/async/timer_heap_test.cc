// The heap and the queue of timers, with time as the test says it: no clock and no sleep.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "async/detail/timer_heap.h"
#include "async/detail/timer_queue.h"
#include "tests/support/support.h"
#include "wrap/wrap.h"

namespace async::test {
namespace {

using detail::never;
using detail::stamp;

struct node {
  std::uint32_t heap_index = detail::not_in_heap;
};

// The naive model: a map that keeps equal stamps in the order of insertion.
TEST(timer_heap, agrees_with_a_sorted_map_under_random_pushes_pops_and_removals) {
  prng random = make_prng(1);
  for (const stamp range : {1, 3, 1000, 1'000'000'000}) {
    detail::timer_heap<node> heap;
    std::multimap<stamp, node*> model;
    std::vector<std::pair<std::unique_ptr<node>, std::multimap<stamp, node*>::iterator>> inside;
    const auto forget = [&](node* n) {
      for (auto& entry : inside) {
        if (entry.first.get() != n) continue;
        model.erase(entry.second);
        std::swap(entry, inside.back());
        inside.pop_back();
        return;
      }
      FAIL() << "not a timer of this heap";
    };
    for (int step = 0; step < 20'000; ++step) {
      ASSERT_EQ(heap.size(), model.size());
      ASSERT_EQ(heap.earliest(), model.empty() ? never : model.begin()->first);
      switch (random() % 5) {
        case 0:
        case 1: {
          const stamp at = static_cast<stamp>(random() % static_cast<std::uint64_t>(range));
          auto n = std::make_unique<node>();
          heap.push(at, n.get());
          const auto place = model.emplace(at, n.get());
          inside.emplace_back(std::move(n), place);
          break;
        }
        case 2:
        case 3:
          if (!model.empty() && model.size() > random() % 300) {
            node* const first = model.begin()->second;
            ASSERT_EQ(heap.pop(), first);
            ASSERT_EQ(first->heap_index, detail::not_in_heap);
            forget(first);
          }
          break;
        case 4:
          if (!inside.empty()) {
            node* const any = inside[random() % inside.size()].first.get();
            heap.remove(any);
            ASSERT_EQ(any->heap_index, detail::not_in_heap);
            forget(any);
          }
      }
    }
  }
}

// Counts what it was asked for.
class fake_alarm : public detail::alarm_clock {
 public:
  void set(stamp at) noexcept override {
    at_ = at;
    ++sets_;
  }
  stamp at() const { return at_; }
  int sets() const { return sets_; }

 private:
  stamp at_ = never;
  int sets_ = 0;
};

class timer_queue : public testing::Test {
 protected:
  cbv nothing() {
    return wrap([] {});
  }
  // How many are due; they are dropped.
  std::size_t expire(stamp now) {
    detail::event_list ready;
    queue.expire(now, ready);
    std::size_t n = 0;
    ready.clear_and_dispose([&](detail::event* e) {
      ++n;
      static_cast<detail::timer*>(e)->delivered();
    });
    return n;
  }

  fake_alarm alarm;
  detail::timer_queue queue{alarm};
};

TEST_F(timer_queue, the_alarm_is_set_when_the_leader_goes_to_sleep_and_not_before) {
  for (stamp at : {50, 40, 30, 20, 10}) queue.add(at, nothing());
  EXPECT_EQ(alarm.sets(), 0);
  EXPECT_TRUE(queue.prepare_sleep(0));
  EXPECT_EQ(alarm.sets(), 1);
  EXPECT_EQ(alarm.at(), 10);
  queue.end_sleep();
  EXPECT_EQ(expire(50), 5u);
}

TEST_F(timer_queue, an_earlier_timer_that_comes_while_the_leader_sleeps_sets_the_alarm) {
  queue.add(50, nothing());
  EXPECT_TRUE(queue.prepare_sleep(0));
  queue.add(60, nothing());
  EXPECT_EQ(alarm.at(), 50);
  queue.add(40, nothing());
  EXPECT_EQ(alarm.at(), 40);
  queue.end_sleep();
  queue.add(30, nothing());
  EXPECT_EQ(alarm.at(), 40) << "nobody sleeps";
  EXPECT_TRUE(queue.prepare_sleep(0));
  EXPECT_EQ(alarm.at(), 30);
  queue.end_sleep();
  expire(60);
}

TEST_F(timer_queue, timers_that_are_pushed_back_cost_one_alarm) {
  auto t = queue.add(10, nothing());
  for (stamp now = 0; now < 9; ++now) {
    EXPECT_TRUE(queue.prepare_sleep(now));
    queue.end_sleep();
    queue.remove(*t);
    t = queue.add(now + 11, nothing());
  }
  EXPECT_EQ(alarm.sets(), 1) << "set for 10, which is still early enough";
  // It rings for a timer that is gone, and is set for the one that is left.
  queue.alarm_rang();
  EXPECT_EQ(expire(10), 0u);
  EXPECT_TRUE(queue.prepare_sleep(10));
  EXPECT_EQ(alarm.at(), 19);
  EXPECT_EQ(alarm.sets(), 2);
  queue.end_sleep();
  EXPECT_EQ(expire(19), 1u);
}

TEST_F(timer_queue, an_alarm_that_rang_is_silenced_before_the_next_sleep) {
  queue.add(10, nothing());
  EXPECT_TRUE(queue.prepare_sleep(0));
  queue.alarm_rang();
  queue.end_sleep();
  EXPECT_EQ(expire(10), 1u);
  EXPECT_TRUE(queue.prepare_sleep(10));
  EXPECT_EQ(alarm.at(), never);
  queue.alarm_rang();
  queue.end_sleep();
}

TEST_F(timer_queue, nobody_sleeps_while_a_timer_is_due) {
  queue.add(10, nothing());
  EXPECT_TRUE(queue.prepare_sleep(9));
  queue.end_sleep();
  EXPECT_FALSE(queue.prepare_sleep(10));
  EXPECT_FALSE(queue.prepare_sleep(11));
  EXPECT_EQ(expire(9), 0u) << "and none runs before its time";
  EXPECT_EQ(expire(10), 1u);
}

TEST_F(timer_queue, a_timer_that_is_due_takes_no_later_one_with_it) {
  for (stamp at : {11, 10, 12}) queue.add(at, nothing());
  EXPECT_EQ(expire(10), 1u);
  EXPECT_EQ(expire(11), 1u);
  EXPECT_EQ(expire(12), 1u);
}

TEST_F(timer_queue, many_timers_that_are_due_at_once_expire_in_batches) {
  for (std::size_t i = 0; i < detail::timer_queue::batch + 10; ++i) queue.add(5, nothing());
  EXPECT_EQ(expire(5), detail::timer_queue::batch);
  EXPECT_FALSE(queue.prepare_sleep(5)) << "there are more";
  EXPECT_EQ(expire(5), 10u);
  EXPECT_EQ(queue.earliest(), never);
}

TEST_F(timer_queue, a_removed_timer_neither_expires_nor_sets_the_alarm) {
  const auto first = queue.add(10, nothing());
  queue.add(20, nothing());
  queue.remove(*first);
  queue.remove(*first);
  EXPECT_TRUE(queue.prepare_sleep(0));
  EXPECT_EQ(alarm.at(), 20);
  queue.end_sleep();
  const auto third = queue.add(15, nothing());
  queue.remove(*third);
  EXPECT_EQ(expire(100), 1u);
}

TEST_F(timer_queue, ten_thousand_timers_of_one_stamp_are_removed_in_any_order) {
  prng random = make_prng(2);
  std::vector<ref<detail::timer>> timers;
  for (int i = 0; i < 10'000; ++i) timers.push_back(queue.add(7, nothing()));
  std::shuffle(timers.begin(), timers.end(), random);
  for (const auto& t : timers) queue.remove(*t);
  EXPECT_EQ(queue.earliest(), never);
  EXPECT_EQ(expire(7), 0u);
}

}  // namespace
}  // namespace async::test
