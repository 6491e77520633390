// What the tests of the runtime share: lighter loads under sanitizers, a guard against hanging, and
// an idle_waiter whose events the test makes.
//
// Serves no stage: it stands around stages 3 to 5. A lost wake-up or an endless drain shows as a
// test that does not end: each test has two minutes, after which the program says which one hangs
// and aborts.
//
// Thread safety: event_source as idle_waiter says, `fire` by any thread.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "mp/color.h"
#include "mp/runtime.h"
#include "tests/support/support.h"

namespace async::test {

// As many as wanted, or less where each costs more.
constexpr std::uint64_t lighter(std::uint64_t n) { return sanitized ? n / 20 + 1 : n; }

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Ten turns of one CPU, of callbacks of color 32. The first of the third turn calls begin(), and
// the first of the sixth calls end_it(). What a CPU is told in a turn it follows from the next one
// on: so three whole turns lie between.
template <class Begin, class End>
void start_and_stop_by_a_callback(Begin begin, End end_it) {
  constexpr unsigned turns = 10;
  for (unsigned i = 0; i != turns * turn_length; ++i) {
    post(color(32), [=] {
      if (i == 2 * turn_length) begin();
      if (i == 5 * turn_length) end_it();
      if (i == turns * turn_length - 1) stop();
    });
    if (i % turn_length == 0) post(color(33), [] {});  // so that there is a next turn
  }
  runtime({.cpus = 1}).run();
}

class hang_guard : public testing::EmptyTestEventListener {
 public:
  static constexpr unsigned limit = 120;  // seconds for one test

  static bool install() {
    testing::UnitTest::GetInstance()->listeners().Append(new hang_guard);
    return true;
  }

  void OnTestStart(const testing::TestInfo& info) override {
    name() = std::string(info.test_suite_name()) + "." + info.name() + " hangs\n";
    signal(SIGALRM, [](int) {
      static_cast<void>(!write(STDERR_FILENO, name().data(), name().size()));
      abort();
    });
    alarm(limit);
  }
  void OnTestEnd(const testing::TestInfo&) override { alarm(0); }

 private:
  static std::string& name() {
    static std::string text;
    return text;
  }
};
inline const bool hangs_are_reported = hang_guard::install();

// Events that the test fires; each is a function, called by the leader, that posts.
class event_source : public idle_waiter {
 public:
  void poll() noexcept override { deliver(); }

  void wait() noexcept override {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return woken_ || !events_.empty(); });
      woken_ = false;
    }
    deliver();
  }

  void wake() noexcept override {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_one();
  }

  void fire(std::function<void()> event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_one();
  }

 private:
  void deliver() {
    std::vector<std::function<void()>> now;
    {
      const std::lock_guard lock(mutex_);
      now.swap(events_);
    }
    for (auto& event : now) event();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;                         // guarded by mutex_, as is the next
  std::vector<std::function<void()>> events_;  // not yet delivered
};

}  // namespace async::test
