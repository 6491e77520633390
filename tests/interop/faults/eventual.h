// eventual<T>: a value that comes later, which one coroutine may wait for, and what a coroutine
// returns that gives such a value. A writer's work is a long row of calls, each of which depends on
// what came before; so it reads from top to bottom.
//
//     eventual<done> writer::work() {
//       const answer a = co_await link.call(...);
//
// A coroutine begins at once and goes on from within set(). One whose value never comes is never
// destroyed: these are programs that end with exit.
//
// Serves stage 5 of test programs. Thread safety: one color (the default color).
// Invariants: set() is called once; at most one coroutine waits.
#pragma once

#include <chrono>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "async/timer.h"
#include "wrap/wrap.h"

namespace sfs::faults {

struct done {};

template <class T>
class eventual {
  struct state {
    std::optional<T> value;
    std::coroutine_handle<> waiter;
  };

 public:
  eventual() : state_(std::make_shared<state>()) {}

  void set(T value) const {
    state_->value = std::move(value);
    if (state_->waiter) std::exchange(state_->waiter, nullptr).resume();
  }

  bool await_ready() const noexcept { return state_->value.has_value(); }
  void await_suspend(std::coroutine_handle<> h) const noexcept { state_->waiter = h; }
  T await_resume() const { return std::move(*state_->value); }

  struct promise_type {
    eventual result;
    eventual get_return_object() const { return result; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_value(T value) const { result.set(std::move(value)); }
    void unhandled_exception() const noexcept { std::terminate(); }
  };

 private:
  std::shared_ptr<state> state_;
};

// Waits, and lets others have their turn meanwhile.
inline eventual<done> pause(std::chrono::milliseconds how_long) {
  eventual<done> over;
  async::delaycb(how_long, async::wrap([over] { over.set({}); }));
  return over;
}

}  // namespace sfs::faults
