// A fiber: a stack of its own that the explorer switches to and from on one OS thread.
//
// Serves no stage: it is what the deterministic scheduler of tests/mp stands on. A fiber is entered
// for the first time through ucontext and from then on by _setjmp and _longjmp, which cost no
// system call. Sanitizers must be told about stacks, so under them (and where fortified longjmp
// refuses to change stacks) every switch is a swapcontext with their annotations.
//
// Thread safety: none; all fibers of a scheduler belong to one OS thread.
// Invariant: exactly one fiber of a group is running; `jump` leaves it and enters the other.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdlib>
#include <memory>

#include "wrap/detail/sanitizers.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#elif defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    (defined(_FORTIFY_SOURCE) && _FORTIFY_SOURCE > 0)
#define ASYNC_EXPLORE_SWAPCONTEXT 1
#endif

namespace async::explore {

class fiber {
 public:
  // The stack that the caller is on: somewhere to come back to.
  fiber() {
#if defined(__SANITIZE_THREAD__)
    tsan_ = __tsan_get_current_fiber();
#elif !defined(ASYNC_EXPLORE_SWAPCONTEXT)
    entered_ = true;
#endif
  }

  // A new stack on which `entry(arg)` starts at the first jump here. `entry` never returns.
  fiber(void (*entry)(void*), void* arg) : entry_(entry), arg_(arg), stack_(new char[stack_size]) {
    if (getcontext(&context_) != 0) std::abort();
    context_.uc_stack.ss_sp = stack_.get();
    context_.uc_stack.ss_size = stack_size;
#if defined(__SANITIZE_ADDRESS__)
    bottom_ = stack_.get();
    size_ = stack_size;
#endif
    context_.uc_link = nullptr;
    const auto bits = reinterpret_cast<std::size_t>(this);
    makecontext(&context_, reinterpret_cast<void (*)()>(&fiber::start), 2,
                static_cast<unsigned>(bits >> 32), static_cast<unsigned>(bits));
#if defined(__SANITIZE_THREAD__)
    tsan_ = __tsan_create_fiber(0);
#endif
  }

  fiber(const fiber&) = delete;
  fiber& operator=(const fiber&) = delete;

  ~fiber() {
#if defined(__SANITIZE_THREAD__)
    if (stack_) __tsan_destroy_fiber(tsan_);
#endif
  }

  // Leaves the running fiber, which must be `*this`, and goes on in `to`.
  [[gnu::noinline]] void jump(fiber& to) {
#if defined(__SANITIZE_ADDRESS__)
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, to.bottom_, to.size_);
    to.came_from_ = this;
    swapcontext(&context_, &to.context_);
    arrived(fake_stack);
#elif defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(to.tsan_, 0);
    swapcontext(&context_, &to.context_);
#elif defined(ASYNC_EXPLORE_SWAPCONTEXT)
    swapcontext(&context_, &to.context_);
#else
    if (_setjmp(place_) != 0) return;
    if (to.entered_) _longjmp(to.place_, 1);
    to.entered_ = true;
    setcontext(&to.context_);
#endif
  }

 private:
  static constexpr std::size_t stack_size = std::size_t{128} << 10;

  // makecontext passes ints only, so the address arrives in two halves.
  static void start(unsigned high, unsigned low) {
    auto* self = reinterpret_cast<fiber*>(std::size_t{high} << 32 | low);
#if defined(__SANITIZE_ADDRESS__)
    self->arrived(nullptr);
#endif
    self->entry_(self->arg_);
    std::abort();
  }

#if defined(__SANITIZE_ADDRESS__)
  // Tells ASan that this stack is in use again, and learns the bounds of the one just left: the
  // root's can be found in no other way.
  void arrived(void* fake_stack) {
    const void* bottom = nullptr;
    std::size_t size = 0;
    __sanitizer_finish_switch_fiber(fake_stack, &bottom, &size);
    came_from_->bottom_ = bottom;
    came_from_->size_ = size;
  }

  fiber* came_from_ = nullptr;
  const void* bottom_ = nullptr;
  std::size_t size_ = 0;
#endif
#if defined(__SANITIZE_THREAD__)
  void* tsan_ = nullptr;
#endif

  void (*entry_)(void*) = nullptr;
  void* arg_ = nullptr;
  std::unique_ptr<char[]> stack_;
  ucontext_t context_;
#if !defined(ASYNC_EXPLORE_SWAPCONTEXT)
  bool entered_ = false;  // place_ can be jumped to
  jmp_buf place_;
#endif
};

}  // namespace async::explore
