// Blocking work: what has to wait (a disk, a database, a long computation in a library that has no
// callbacks) runs on a thread of its own, and its result comes back as a callback (stages 2 and 3).
//
//   auto read_config = [path] { return slurp(path); };              // blocks; returns std::string
//   if (async::blocking(read_config, async::wrap(mkref(this), &server::configured))) {
//     ...                                                           // too much waits already
//   }
//
// A callback must not block: it would hold up its color, and a CPU. A pool has a bounded number of
// threads beside the runtime's, which come when there is work for them and go when there has been
// none for a while, and a bounded queue; what does not fit is refused at once.
//
// What the work may do. It runs beside all colors, and under none: it may touch what is its own,
// and what locks of its own guard. It may post. It must not wait for a callback of the program. In
// a uniprocessor build, counts are not atomic: there it may use nothing of this library. What it
// has bound is destroyed where the callback runs, and not on the pool's thread.
//
// Thread-safety: everything here may be called from any thread and any color, with or without a
// runtime (in a uniprocessor build: from the thread of the runtime), and does not block, but for
// the destructor of a pool. What is called at the same time as that is the caller's error.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

#include "async/detail/blocking_job.h"
#include "wrap/callback.h"
#include "wrap/refcnt.h"

namespace async {

struct blocking_limits {
  // Threads at most. 0: whoever hands work over carries it out, there and then.
  unsigned threads = 16;
  // What may wait for a thread, beside what threads carry out.
  std::size_t waiting = 4096;
  // How long a thread without work stays.
  std::chrono::nanoseconds patience = std::chrono::seconds(10);
};

// Work that was handed over, or none; one counted pointer. Dropping it changes nothing.
class blocking_t {
 public:
  blocking_t() noexcept = default;
  blocking_t(std::nullptr_t) noexcept {}
  // Whether it stands for work, be that waiting, under way or over.
  explicit operator bool() const noexcept { return static_cast<bool>(job_); }

  // For the library's own use.
  explicit blocking_t(ptr<detail::blocking_job> job) noexcept : job_(std::move(job)) {}
  detail::blocking_job* get() const noexcept { return job_.get(); }

 private:
  ptr<detail::blocking_job> job_;
};

// The callback that takes what F returns: callback<void, R>, or callback<void> for nothing.
template <class F>
using blocking_callback = typename detail::blocking_callback<F>::type;

// A pool of threads for blocking work. blocking() uses one that all of the program shares; a pool
// of one's own keeps its work from waiting behind that of others.
class blocking_pool {
 public:
  explicit blocking_pool(const blocking_limits& limits = {});
  // Destroys the work that has not begun, and the callbacks for it, and waits for what has; the
  // callbacks of that are posted. Not from within work of the pool itself.
  ~blocking_pool();
  blocking_pool(const blocking_pool&) = delete;
  blocking_pool& operator=(const blocking_pool&) = delete;

  // As blocking(), with a thread of this pool.
  template <class F>
  [[nodiscard]] std::error_code run(F&& work, typename blocking_callback<F>::ref cb,
                                    blocking_t* job = nullptr) {
    return detail::start_blocking(state_, std::forward<F>(work), std::move(cb), job);
  }

  // How many threads there are now.
  unsigned threads() const noexcept;

 private:
  const std::shared_ptr<detail::blocking_state> state_;
};

// Has `work` called once, on a thread of the pool, and then `cb` posted with what it returned,
// under the color of cb. Work is begun in the order in which it is handed over.
//
// An exception that leaves the work is thrown where cb would be called: it ends the program, naming
// the line where cb was wrapped, or goes to runtime_options::on_exception.
//
// Fails, and then has destroyed `work` and never calls cb, with EAGAIN if too much waits already or
// there is no thread and none can be made. Throws std::bad_alloc and what moving the work throws.
// `job`, if given, is what blocking_cancel() takes.
//
// When amain() returns, the work in the shared pool that had not begun has been destroyed, and what
// had begun is over; no callback for either is called any more, except that a result which comes
// just then waits for the next runtime, as any post does. After fork(), the child has none of it.
template <class F>
[[nodiscard]] std::error_code blocking(F&& work, typename blocking_callback<F>::ref cb,
                                       blocking_t* job = nullptr) {
  return detail::start_blocking(detail::shared_blocking_state(), std::forward<F>(work),
                                std::move(cb), job);
}

// Gives up. Work that has not begun never does, and it and its callback are destroyed by this call.
// Work that has begun goes on to its end, and is then destroyed with its result. From cb's own
// color: cb is not called any more. From another color it may be running or about to. Does nothing
// if cb has been called, or it was cancelled before, or it is none.
void blocking_cancel(const blocking_t& job) noexcept;

}  // namespace async
