// One operation on a file: a system call that a thread of the pool makes, or io_uring (stage 3: its
// end is an event).
//
// Thread-safety: belongs to whoever carries it out; see blocking_job.h. Like a job's, its work()
// touches plain data only.
#pragma once

#include <liburing.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "async/detail/blocking_job.h"

namespace async::detail {

class file_operation : public blocking_job {
 public:
  explicit file_operation(const callback_base& cb) noexcept
      : blocking_job(cb, shared_blocking_state()) {}

  // Tries to do all without waiting; true if it is over.
  virtual bool try_now() noexcept { return false; }
  // What is left, for io_uring.
  virtual void prepare(io_uring_sqe& entry) noexcept = 0;
  // What io_uring said, as system calls of the kernel do: a result, or an errno below zero. True if
  // the operation is over, false if there is more to do.
  bool step(long result) noexcept { return result != -EINTR && take(result); }

  void work() noexcept final {
    while (!step(perform())) {}
  }

 protected:
  // What is left, by one system call that may wait; returns as for step().
  virtual long perform() noexcept = 0;
  virtual bool take(long result) noexcept = 0;

  // The result of a system call of the C library's.
  static long kernel_result(long result) noexcept { return result < 0 ? -errno : result; }
};

// Hands an operation over.
std::error_code start_file_operation(file_operation& operation);

// At the end of amain(): see file.h. How many there were.
std::size_t drop_file_operations() noexcept;

enum class file_engine_kind { best, pool, uring };
// For tests, while no operation is under way. False if there is none of that kind.
bool use_file_engine(file_engine_kind kind);
// For tests: called in place of io_uring_submit(), under the ring's lock.
void use_file_submit(int (*submit)(io_uring*)) noexcept;

}  // namespace async::detail
