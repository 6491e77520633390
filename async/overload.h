// Overload: which requests to turn away so that the others are answered in time (stages 3 to 5).
//
//   async::load_shedder shedder({.target = 5ms});    // one for each stage: what has a queue
//   ...
//   async::post(stage, [=, since = async::load_shedder::clock::now()] {
//     if (shedder.should_shed(since)) return client->turn_away();   // cheap, and at once
//     client->answer();
//   });
//
// A server that is asked more than it can do and answers in turn answers everybody too late: the
// queue grows until whoever waits has given up, and all the work is for nothing. What helps is to
// answer only as many as there is time for. Whether there are too many is not seen by how long the
// queue is, nor by how long one request has waited (a burst does no harm), but by the least that
// any has waited for a while: if that is above a target, the queue never gets empty, and somebody
// has to go. That is CoDel's measure (Nichols and Jacobson, "Controlling Queue Delay", 2012). Its
// law, to drop a little more often each time, counts on senders that slow down; strangers do not.
// So here, while the queue does not get empty, everybody is turned away who has waited for more
// than twice the target when his turn comes, as in Maurer, "Fail at Scale" (2015). The purpose, and
// that it is each stage that sheds, is of Welsh and Culler, "Adaptive Overload Control for Busy
// Internet Servers" (2003).
//
// What is kept of CoDel's law: when an overload has ended lately, it takes not an interval to find
// the next one, but twice the target. At twice the capacity the queue does get short now and then,
// by chance, and would grow for an interval each time.
//
// What follows: of those that are answered few have waited for longer than twice the target, but in
// the two intervals after an overload begins; and the server is always busy, if turning away costs
// little beside answering. Take for the target some tenth of what clients are ready to wait, for
// the interval some twenty targets. The queue itself holds what arrives in twice the target.
//
// Thread-safety: any thread, any color, several at the same time; nothing here blocks.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "async/timer.h"
#include "mp/clock.h"
#include "mp/color.h"

namespace async {

struct shedding_options {
  std::chrono::nanoseconds target = std::chrono::milliseconds(5);
  std::chrono::nanoseconds interval = std::chrono::milliseconds(100);
};

class load_shedder {
 public:
  using clock = std::chrono::steady_clock;

  explicit load_shedder(shedding_options options = {}) noexcept : options_(options) {}

  // Whether a request that has waited since `since`, and whose turn it is `now`, should be turned
  // away. To be asked once for each request, those that are answered too, since that is the
  // measure. Costs a few nanoseconds, and what it takes to look at the clock.
  bool should_shed(clock::time_point since, clock::time_point now = steady_now()) noexcept;

  // Whether the least wait of the last interval was above the target, and all have been since.
  bool overloaded() const noexcept { return overloaded_.load(std::memory_order_relaxed); }

 private:
  using nanoseconds = std::chrono::nanoseconds;

  void begin_interval(nanoseconds::rep end, nanoseconds::rep now, nanoseconds::rep wait) noexcept;

  const shedding_options options_;
  // Each is right by itself, and nothing else is read because of them, so all use is relaxed. Two
  // threads at the border of two intervals may count a wait to the wrong one; that is one of many.
  std::atomic<nanoseconds::rep> end_{0};    // of the present interval, by the clock
  std::atomic<nanoseconds::rep> least_{0};  // wait in the present interval
  std::atomic<nanoseconds::rep> wary_{0};   // until when an overload is soon found
  std::atomic<bool> overloaded_{false};     // by the last interval
};

// How long an event has to wait from when it is there to when its callback runs: measured, by a
// timer that is set again and again. For a stage whose requests do not tell since when they wait,
// such as one that reads from sockets:
//
//   shedder.should_shed(now - probe.delay(), now)
class queue_probe {
 public:
  // Until destroyed, runs a callback of a color of its own each `period`, or when it is late, that
  // long after the last. A program with nothing else to do wakes up for that.
  explicit queue_probe(std::chrono::nanoseconds period = std::chrono::milliseconds(1));
  ~queue_probe();
  queue_probe(const queue_probe&) = delete;
  queue_probe& operator=(const queue_probe&) = delete;

  // How late the last one was, or the next one is already, if that is more.
  std::chrono::nanoseconds delay(load_shedder::clock::time_point now = steady_now()) const noexcept;

 private:
  class impl;
  ref<impl> impl_;
};

}  // namespace async
