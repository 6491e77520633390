// The heap and the queue of timers, with time as the test says it: no clock and no sleep.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "async/detail/timer_heap.h"
#include "async/detail/timer_queue.h"
#include "tests/async/helpers.h"
#include "tests/support/support.h"
#include "wrap/wrap.h"

namespace async::test {
namespace {

using detail::never;
using detail::stamp;

// Counts those that left the heap after they were removed.
class node {
 public:
  explicit node(std::size_t& left) : left_(&left) {}

  void remove() { removed_ = true; }

  // For the heap.
  bool removed() const noexcept { return removed_; }
  void left_heap() noexcept {
    EXPECT_TRUE(removed_);
    ++*left_;
  }
  void prefetch() const noexcept {}

 private:
  std::size_t* left_;
  bool removed_ = false;
};

// Beside the heap the naive model: a map that keeps equal stamps in the order of insertion.
class checked_heap {
 public:
  // With `timers` of different stamps in it.
  explicit checked_heap(prng& random, stamp timers = 0) : random_(random) {
    for (stamp at = 0; at < timers; ++at) push(at);
  }

  void push(stamp at) {
    nodes_.push_back(std::make_unique<node>(left_));
    heap_.push(at, nodes_.back().get());
    inside_.push_back(model_.emplace(at, nodes_.back().get()));
  }

  void pop() {
    ASSERT_EQ(heap_.pop(), model_.begin()->second);
    forget(std::ranges::find(inside_, model_.begin()));
  }

  void remove_any() {
    const auto any = inside_.begin() + static_cast<std::ptrdiff_t>(random_() % inside_.size());
    node* const timer = (*any)->second;
    timer->remove();
    ++removed_;
    ASSERT_EQ(heap_.note_removed(timer), *any == model_.begin());
    forget(any);
  }

  void check() const {
    ASSERT_EQ(heap_.size(), model_.size());
    ASSERT_EQ(heap_.earliest(), model_.empty() ? never : model_.begin()->first);
    ASSERT_EQ(heap_.removed(), removed_ - left_) << "each that was removed leaves once";
    ASSERT_LE(heap_.removed(), heap_.size()) << "at most half of the heap";
  }

  // Takes out one by one until none is left.
  void empty_by(void (checked_heap::*take_out)()) {
    while (size() != 0) {
      (this->*take_out)();
      ASSERT_NO_FATAL_FAILURE(check());
    }
  }

  std::size_t size() const { return model_.size(); }

 private:
  using place = std::multimap<stamp, node*>::iterator;

  void forget(std::vector<place>::iterator which) {
    model_.erase(*which);
    *which = inside_.back();
    inside_.pop_back();
  }

  prng& random_;
  detail::timer_heap<node> heap_;
  std::multimap<stamp, node*> model_;
  std::vector<place> inside_;
  std::vector<std::unique_ptr<node>> nodes_;  // those removed or popped, too
  std::size_t removed_ = 0;
  std::size_t left_ = 0;
};

TEST(timer_heap, agrees_with_a_sorted_map_under_random_pushes_pops_and_removals) {
  prng random = make_prng(1);
  for (const stamp range : {1, 3, 1000, 1'000'000'000}) {
    checked_heap heap(random);
    for (int step = 0; step < 20'000; ++step) {
      const auto action = random() % 5;
      if (action < 2) {
        heap.push(static_cast<stamp>(random() % static_cast<std::uint64_t>(range)));
      } else if (action < 4) {
        if (heap.size() > random() % 300) heap.pop();
      } else if (heap.size() != 0) {
        heap.remove_any();
      }
      ASSERT_NO_FATAL_FAILURE(heap.check());
    }
  }
}

TEST(timer_heap, removed_timers_are_at_most_half_of_it_when_none_comes_to_the_top) {
  prng random = make_prng(3);
  checked_heap heap(random, 1000);
  heap.empty_by(&checked_heap::remove_any);
}

// The removed ones become more than half by that.
TEST(timer_heap, removed_timers_are_at_most_half_of_it_when_the_others_expire) {
  prng random = make_prng(4);
  checked_heap heap(random, 1000);
  for (int i = 0; i < 490; ++i) heap.remove_any();
  heap.empty_by(&checked_heap::pop);
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

// The timers themselves stay in the heap, which is swept only when half of it is removed.
TEST_F(timer_queue, a_removed_timer_holds_neither_its_callback_nor_its_color) {
  int alive = 0;
  const int site = 0;
  const color c = color::of(&site);
  std::vector<ref<detail::timer>> timers;
  for (stamp at = 0; at < 10; ++at) {
    timers.push_back(queue.add(at, cwrap(c, [value = counted_value(alive)] {})));
  }
  queue.remove(*timers[5]);
  EXPECT_EQ(alive, 9);
  EXPECT_EQ(timers[5]->use_count(), 2u) << "this one's handle, and the heap's share";
  EXPECT_TRUE(timers[5]->its_color().is_default());
  EXPECT_EQ(timers[4]->its_color(), c);
  EXPECT_EQ(expire(10), 9u);
  EXPECT_EQ(timers[5]->use_count(), 1u);
  EXPECT_EQ(alive, 0);
}

TEST_F(timer_queue, a_timer_of_the_parent_may_be_removed_in_a_forked_child) {
  int alive = 0;
  const auto old = queue.add(10, wrap([value = counted_value(alive)] {}));
  {
    const std::lock_guard lock(queue.mutex());
    queue.forget();
  }
  queue.remove(*old);
  EXPECT_EQ(alive, 0);
  queue.add(20, nothing());
  EXPECT_EQ(queue.earliest(), 20);
  EXPECT_EQ(expire(20), 1u);
  old->release();  // the share of the heap that is lost
}

}  // namespace
}  // namespace async::test
