// Blocking work on its way: what a pool's thread carries out and what then calls back (stages 2 and
// 3). Also what file operations are (file_operation.h), which may do without a thread.
//
// Life of a job. start() counts it once; that count goes from the queue to the thread, from there
// to the delivery, and delivered() drops it. A thread touches plain data only, and neither counts
// nor destroys anything, so that this works alike where counts are not atomic (ASYNC_UNIPROCESSOR).
//
// Thread-safety: cancel() from any thread of the program; all else belongs to whoever has the job.
// Invariant: for each job that was started, exactly one of these: delivered() once; or drop() and
// the count's end by cancel() or by the pool, while it waits.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include "async/detail/event.h"
#include "wrap/callback.h"
#include "wrap/detail/atom.h"

namespace async {

class blocking_t;

namespace detail {

class blocking_state;

class blocking_job : public event {
 public:
  blocking_job(const callback_base& cb, std::shared_ptr<blocking_state> pool) noexcept
      : event(cb), pool_(std::move(pool)) {}

  // On the pool's thread.
  virtual void work() noexcept = 0;
  // Under the callback's color: calls it.
  virtual void call() = 0;
  // Destroys what the job has bound: it is over, or never begins.
  virtual void drop() noexcept = 0;

  void post() override { post_delivery(this); }
  void deliver() {
    // relaxed: a cancel() from our own color came before us in the color's order; with one from
    // another color we may race.
    if (!cancelled_.load(std::memory_order_relaxed)) call();
  }
  void delivered() noexcept { abandon(); }

  void cancel() noexcept;
  bool cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }
  // Ends it without a delivery.
  void abandon() noexcept;

  blocking_state& pool() const noexcept { return *pool_; }

  // Guarded by the pool's lock.
  boost::intrusive::list_member_hook<> pool_hook;  // while it waits or is in work
  bool in_work = false;

 private:
  const std::shared_ptr<blocking_state> pool_;
  atom<bool> cancelled_{false};
};

// The pool that all of the program shares.
const std::shared_ptr<blocking_state>& shared_blocking_state();

// Hands a job over; the caller's handles to it are the caller's own.
std::error_code start(blocking_job& job);

// Makes `handle`, if it is not null, one to `job`.
void give_handle(blocking_job& job, blocking_t* handle);

template <class F>
struct blocking_callback {
  using result = std::invoke_result_t<std::decay_t<F>&>;
  static_assert(!std::is_reference_v<result>, "blocking work returns a value, or nothing");
  using type = std::conditional_t<std::is_void_v<result>, callback<void>, callback<void, result>>;
};
template <class F>
  requires std::is_void_v < std::invoke_result_t < std::decay_t<F>
& >> struct blocking_callback<F> {
  using type = callback<void>;
};

template <class F>
class blocking_call final : public blocking_job {
  using result = std::invoke_result_t<F&>;
  using callback_type = typename blocking_callback<F>::type;
  static constexpr bool nothing = std::is_void_v<result>;

 public:
  template <class G>
  blocking_call(G&& work, typename callback_type::ref cb, std::shared_ptr<blocking_state> pool)
      : blocking_job(*cb, std::move(pool)),
        work_(std::forward<G>(work)),
        callback_(std::move(cb)) {}

  void work() noexcept override {
    try {
      if constexpr (nothing) {
        (*work_)();
      } else {
        result_.emplace((*work_)());
      }
    } catch (...) {
      thrown_ = std::current_exception();
    }
  }

  void call() override {
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    if constexpr (nothing) {
      callback_();
    } else {
      callback_(std::move(*result_));
    }
  }

  void drop() noexcept override {
    result_.reset();
    thrown_ = nullptr;
    work_.reset();
    callback_ = nullptr;
  }

 private:
  std::optional<F> work_;
  std::optional<std::conditional_t<nothing, std::monostate, result>> result_;
  std::exception_ptr thrown_;
  typename callback_type::ptr callback_;
};

template <class F, class Callback>
std::error_code start_blocking(const std::shared_ptr<blocking_state>& pool, F&& work, Callback cb,
                               blocking_t* handle) {
  const auto job =
      make_ref<blocking_call<std::decay_t<F>>>(std::forward<F>(work), std::move(cb), pool);
  const std::error_code status = start(*job);
  if (!status) give_handle(*job, handle);
  return status;
}

}  // namespace detail
}  // namespace async
