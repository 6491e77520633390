// The color race checker (`scons sanitize=colors`): each color is a fiber of ThreadSanitizer's
// (stage 5). In every other build what is here is nothing.
//
// ThreadSanitizer reports two accesses of a datum by different threads if nothing orders them. Here
// its threads are the colors: a callback runs in its color's fiber, and what orders two fibers is
// that one posted to the other, and the locks and atomics of the program. That the queue happened
// to run one after the other on one CPU orders nothing. So a mistake is found though the two
// callbacks were an hour apart, on one CPU as on many.
//
// A fiber has a stack of its own, lest two colors' frames at one address be taken for one datum.
// It begins with a frame that stands for the call site: ThreadSanitizer asks where that is
// (fibers.cc), and so each stack in a report ends with the line that wrapped or posted the
// callback.
//
// The worker itself, between callbacks, is not looked at, nor does anything order it. So a fiber
// that it makes is ordered after no callback: it may be made late, when its color first runs.
//
// Each fiber costs memory, mappings, and, with g++ 12, one of the 8,128 threads that there
// ThreadSanitizer has at most. So there are at most `fiber_limit` fibers. When there are, an idle
// one ends, one whose color has ended if there is such, or else that which was idle for the
// longest; its color gets another when it runs again, ordered after all that it did before. Nothing
// of another color is inherited.
//
// Thread-safety: a fiber belongs to whoever owns its color; the set of all fibers has a lock.
#pragma once

#include <cstddef>

#include "mp/detail/task.h"
#include "wrap/detail/color_check.h"

namespace async::detail {

class color_state;

#if defined(ASYNC_CHECK_COLORS)

inline constexpr std::size_t fiber_limit = 1000;

class fiber;

// What a color knows of its fiber; the lock's.
struct color_fiber {
  fiber* its = nullptr;
};

// What a task runs as: given the task and what is passed here.
using task_runner = block_size (*)(void* context, task* t) noexcept;

// Runs a task in its color's fiber. The owner of the color, and it is a worker's own thread.
block_size run_in_fiber(color_state& color, task* t, task_runner run, void* context) noexcept;

template <auto Run, class Context>
ASYNC_UNCHECKED block_size run_with(void* context, task* t) noexcept {
  return Run(*static_cast<Context*>(context), t);
}

template <auto Run, class Context>
block_size run_checked(color_state& color, Context& context, task* t) noexcept {
  return run_in_fiber(color, t, &run_with<Run, Context>, &context);
}

// The color is about to be freed.
void end_fiber(color_state& color) noexcept;

// Whoever starts a runtime comes before all callbacks, and after them when it has drained or ended.
void before_all_fibers() noexcept;
void after_all_fibers() noexcept;

// A thread while it is a worker: unobserved outside of callbacks, and its thread-local variables
// may be used by any color, since no two run on it at once.
class worker_context {
 public:
  worker_context() noexcept;
  worker_context(const worker_context&) = delete;
  ~worker_context();
};

// The calling thread is a worker's own: what it does to its thread-local variables when it ends,
// which any color has used, is not looked at either.
void leave_thread_unobserved() noexcept;

// Within a worker_context: looked at after all, as an idle_waiter is, whose locks and atomics are
// the program's.
class observed {
 public:
  observed() noexcept;
  observed(const observed&) = delete;
  ~observed();

 private:
  const bool paused_;
};

// For fork(). In the child there are none.
void lock_fibers() noexcept;
void unlock_fibers() noexcept;
void forget_fibers() noexcept;

#else

struct color_fiber {};

template <auto Run, class Context>
block_size run_checked(color_state&, Context& context, task* t) noexcept {
  return Run(context, t);
}

inline void end_fiber(color_state&) noexcept {}
inline void before_all_fibers() noexcept {}
inline void after_all_fibers() noexcept {}
struct [[maybe_unused]] worker_context {};
inline void leave_thread_unobserved() noexcept {}
struct [[maybe_unused]] observed {};
inline void lock_fibers() noexcept {}
inline void unlock_fibers() noexcept {}
inline void forget_fibers() noexcept {}

#endif

}  // namespace async::detail
