// A pool's threads and its queue (no stage; what comes out of it is posted, stage 3).
//
// Thread-safety: any thread. Threads share the state with the pool's owner, so that one which is
// about to leave never touches what is gone.
// Invariants: at most limits.threads threads; no callback, work or destructor of either runs under
// mutex_.
#pragma once

#include <boost/intrusive/list.hpp>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>

#include "async/blocking.h"
#include "async/detail/fork_safe.h"

namespace async::detail {

class blocking_state final : public std::enable_shared_from_this<blocking_state>,
                             private fork_participant {
 public:
  explicit blocking_state(const blocking_limits& limits);
  ~blocking_state();

  std::error_code start(blocking_job& job);
  // Whether it still waited; then the caller has its count.
  bool remove(blocking_job& job) noexcept;
  // Destroys what waits, and waits for what is carried out, whose results are posted.
  void end() noexcept;
  // The same, but the results are destroyed too, and it may be used again. Returns how much there
  // was of all that.
  std::size_t drop_all() noexcept;

  unsigned threads() const noexcept;

  // Any thread: calls tell(job, begun) for each that is not over, under the lock.
  void tell(const std::function<void(const blocking_job&, bool)>& tell) const;

 private:
  using job_list = boost::intrusive::list<
      blocking_job, boost::intrusive::member_hook<blocking_job, decltype(blocking_job::pool_hook),
                                                  &blocking_job::pool_hook>>;

  void start_thread() noexcept;                     // under mutex_
  void take_waiting(event_list& unbegun) noexcept;  // under mutex_
  void run() noexcept;
  void before_fork() noexcept override;
  void after_fork_in_parent() noexcept override;
  void after_fork_in_child() noexcept override;

  const blocking_limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable more_;   // waiting_ has one more
  std::condition_variable quiet_;  // running_ has become 0

  // Guarded by mutex_.
  job_list waiting_;
  job_list in_work_;
  event_list dropped_;     // finished while dropping_ is not 0
  unsigned threads_ = 0;   // each of which is idle or running
  unsigned idle_ = 0;      // waiting for work, or about to look for it
  unsigned running_ = 0;   // jobs
  unsigned dropping_ = 0;  // calls of drop_all()
  bool ending_ = false;
};

// At the end of amain(): see blocking().
std::size_t drop_shared_blocking_work() noexcept;

}  // namespace async::detail
