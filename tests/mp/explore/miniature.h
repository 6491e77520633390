// A miniature of the workers, for exploring parking.h and ring.h.
//
// Serves no stage: what tests/mp/explore_parking_test.cc runs in place of mp/worker.cc and
// mp/worker_idle.cc, in the same steps: each worker's own ring, the part that other threads fill,
// searching, sleeping and leading. Its colors are *jobs*, with one callback each.
//
// Thread safety: none; the threads are fibers of one OS thread.
// Invariant: a worker's `segments[i]` is pushed to by worker i only.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <utility>

#include "mp/detail/parking.h"
#include "mp/detail/ring.h"
#include "tests/mp/explore/explore.h"

namespace async::explore {

inline constexpr auto relaxed = std::memory_order_relaxed;

// A runnable color with one callback.
struct job {
  plain<int> input{0};  // written by the publisher
  atomic<int> ran{0};
};

// The part that other threads fill: color_queue.h in miniature.
class shared_part {
 public:
  void push(job* j) {
    const std::lock_guard lock(mutex_);
    jobs_[count_++] = j;
    size_.store(count_, relaxed);
  }
  job* take() {
    if (empty()) return nullptr;
    const std::lock_guard lock(mutex_);
    if (count_ == 0) return nullptr;
    job* const j = jobs_[--count_];
    size_.store(count_, relaxed);
    return j;
  }
  bool empty() const { return size_.load(relaxed) == 0; }

 private:
  mutex mutex_;
  std::array<job*, 4> jobs_{};
  std::size_t count_ = 0;
  atomic<std::size_t> size_{0};
};

// An idle_waiter whose events are jobs.
template <class Case>
struct event_waiter {
  Case& owner;
  parker bed;
  mutex guard;
  std::array<job*, 2> ready{};

  explicit event_waiter(Case& c) : owner(c) {}
  void wait() {
    bed.wait();
    const std::lock_guard lock(guard);
    for (auto& j : ready)
      if (j != nullptr) owner.put(owner.leader, std::exchange(j, nullptr));
  }
  void wake() { bed.signal(); }
  void fire(job* one, job* two = nullptr) {
    {
      const std::lock_guard lock(guard);
      ready = {one, two};
    }
    bed.signal();
  }
};

// The workers; `Case` says what a job does: `void run(unsigned worker, job& j)`.
template <class Case, unsigned Workers, class Sync = explore::sync>
struct miniature {
  using waiter_type = event_waiter<miniature>;
  using parking_type = async::detail::parking<Sync, waiter_type>;

  parking_type parking;
  std::array<typename parking_type::sleeper, Workers> sleepers;
  std::array<async::detail::ring<Sync, job, 4>, Workers> segments;
  shared_part posted;
  atomic<bool> stopping{false};
  atomic<bool> led{true};  // without a waiter nobody may lead
  bool has_waiter = false;

  // In the set-up, for a case with events.
  void have_waiter() {
    has_waiter = true;
    led.store(false);
  }

  waiter_type waiter{*this};
  unsigned leader = 0;

  miniature() { parking.open(Workers, &waiter); }

  bool has_work() const {
    if (stopping.load(relaxed) || !posted.empty()) return true;
    for (const auto& s : segments)
      if (s.size() != 0) return true;
    return false;
  }

  // From outside.
  void post(job& j) {
    j.input = 1;
    posted.push(&j);
    parking.work_published();
  }
  void stop() {
    stopping.store(true);
    parking.wake_all();
  }

  // As scheduler::drain().
  void drain(parker& self) {
    parking.drain(self, [this] { return has_work(); });
  }

  // From a worker.
  void put(unsigned i, job* j) { check(segments[i].push(j), "the test's ring is too small"); }
  void publish(unsigned i, job& j) {
    j.input = 1;
    put(i, &j);
    parking.work_published();
  }

  void work(unsigned i) {
    while (job* j = next(i)) {
      check(j->input == 1, "what the publisher wrote is not there");
      static_cast<Case*>(this)->run(i, *j);
      check(j->ran.fetch_add(1, relaxed) == 0, "a job has run twice");
    }
    check(stopping.load(), "a worker leaves although nobody has stopped");
  }

  job* next(unsigned i) {
    if (stopping.load(relaxed)) return nullptr;
    if (job* j = segments[i].pop()) return j;
    return wait_for_work(i);
  }

  job* wait_for_work(unsigned i) {
    const auto look = [this] { return has_work(); };
    bool searching = parking.try_search();
    for (;;) {
      const bool stops = stopping.load(relaxed);
      job* j = nullptr;
      if (!stops) j = searching ? search(i) : next_at_hand(i);
      if (stops || j != nullptr) {
        if (searching) parking.found_work(look);
        leave_watch_behind();
        return j;
      }
      searching = sleep(i, searching);
    }
  }

  void leave_watch_behind() {
    if (!has_waiter || Workers == 1) return;
    if (!parking.watched() && !led.load(relaxed)) parking.work_published();
  }

  job* next_at_hand(unsigned i) {
    if (job* j = segments[i].pop()) return j;
    return posted.take();
  }

  job* search(unsigned i) {
    if (job* j = next_at_hand(i)) return j;
    for (unsigned k = 1; k != Workers; ++k) {
      job* j = nullptr;
      if (segments[(i + k) % Workers].take(&j, 1) != 0) return j;
    }
    return nullptr;
  }

  bool sleep(unsigned i, bool searching) {
    const auto look = [this] { return has_work(); };
    if (led.load(relaxed) || led.exchange(true, std::memory_order_acquire)) {
      parking.park(sleepers[i], searching, look, [this] { return is_stuck(); });
      return true;
    }
    leader = i;
    searching =
        parking.lead(sleepers[i], searching, look, [this, i] { return segments[i].size() != 0; });
    led.store(false, std::memory_order_release);
    return searching;
  }

  bool is_stuck() const {
    for (const auto& s : segments)
      if (s.size() != 0) return true;
    return false;
  }
};

}  // namespace async::explore
