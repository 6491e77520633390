// What a worker says of itself to the watchdog, and the gate at which the watchdog can hold it.
//
// Serves stages 4 and 5, while they are watched.
//
// A worker is in *user code* while a callback runs, and otherwise in *queue code*: it takes
// callbacks out of its color's mailbox, fills its slot, and so on. A callback that posts is in
// queue code for that long. What the worker owns changes in queue code only. So whoever keeps it
// from entering queue code may read all of that without a lock in the worker's way. In steps:
//
//   worker   W1 leaves user code: stores that in `number_` (release)
//            W2 reads `held_` (acquire)
//            W3 if it is set: waits for the lock
//            W4 queue code
//            W5 enters user code: stores that in `number_` (release)
//   reader   R1 takes the lock, sets `held_`
//            R2 has all CPUs execute a full fence
//            R3 reads `number_` (acquire)
//            R4 if that says user code: reads what the worker owns
//            R5 clears `held_` (release), gives back the lock
//
// If R3 says user code, then the store of a W1 that follows was not made before the fence R2 on the
// worker's CPU, so its W2 comes after that fence and sees `held_` set: the worker waits at W3 until
// R4 is over. R4 sees what the last W4 wrote, by W5 and R3; what the next W4 writes comes after R4,
// by the lock, or by R5 and W2. The fence that W2 would else need costs as much as a small
// callback; R2 is the kernel's membarrier(), and where there is none, the worker has its fence
// after all.
//
// Thread-safety: each member says whose it is.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <optional>

#include "mp/detail/task.h"

namespace async::detail {

class color_state;

class cpu_status {
 public:
  enum class place : unsigned { working, polling, asleep };

  // In a forked child.
  static void after_fork() noexcept;

  // What a worker is at.
  struct snapshot {
    std::uint64_t callbacks;  // begun or ended so far: while one runs, this does not change
    bool in_user_code;
    place where;
    std::uint64_t since;  // in trace_clock's ticks, when it went there, if it polls or sleeps
  };

  // The worker.

  // Before the first that follows; on the worker's own thread.
  void open() noexcept;
  // After the last.
  void close() noexcept { thread_.store(0, std::memory_order_release); }

  // Queue code -> user code: `t` is going to be called.
  void begin(color_state* color, task* t) noexcept {
    color_ = color;
    site_ = t->site;
    object_ = t->object();
    enter_user_code();
  }
  // User code -> queue code: it is over.
  void end() noexcept {
    ++callbacks_;
    enter_queue_code();
  }

  // While it exists, the worker is in queue code in the middle of a callback. Null: does nothing.
  class in_queue {
   public:
    explicit in_queue(cpu_status* status) noexcept : status_(status) {
      if (status_ != nullptr) status_->enter_queue_code();
    }
    in_queue(const in_queue&) = delete;
    ~in_queue() {
      if (status_ != nullptr) status_->enter_user_code();
    }

   private:
    cpu_status* const status_;
  };

  // Queue code, outside of turns.
  void go(place where) noexcept;

  // Any thread, as long as the worker exists.

  snapshot now() const noexcept {
    const std::uint64_t number = number_.load(std::memory_order_acquire);
    // relaxed: each is a statement of its own.
    return {number >> 1, (number & 1) != 0, place_.load(std::memory_order_relaxed),
            since_.load(std::memory_order_relaxed)};
  }
  bool opened() const noexcept { return thread_.load(std::memory_order_acquire) != 0; }
  int thread() const noexcept { return thread_.load(std::memory_order_relaxed); }  // as gettid()
  // How long its thread has computed so far, in ns.
  std::optional<std::uint64_t> cpu_time() const noexcept;

  // R1 to R5. Calls read(color, site, object) if the worker was in user code, and says whether it
  // was. The worker may be waiting for the end of that.
  template <class F>
  bool hold(F read) noexcept {
    const std::lock_guard lock(mutex_);
    struct releaser {
      std::atomic<bool>& held;
      ~releaser() { held.store(false, std::memory_order_release); }
    } const in_the_end{held_};
    held_.store(true, std::memory_order_relaxed);  // R2 is a fence
    fence_on_all_cpus();
    const bool in_user_code = (number_.load(std::memory_order_acquire) & 1) != 0;
    if (in_user_code) read(color_, site_, object_);
    return in_user_code;
  }

 private:
  void enter_user_code() noexcept { number_.store(callbacks_ << 1 | 1, std::memory_order_release); }
  void enter_queue_code() noexcept {
    number_.store(callbacks_ << 1, std::memory_order_release);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (!kernel_fences) [[unlikely]]
      fence();
    if (held_.load(std::memory_order_acquire)) [[unlikely]]
      wait_until_let_go();
  }
  void wait_until_let_go() noexcept;
  static void fence() noexcept;
  static void fence_on_all_cpus() noexcept;

  static bool kernel_fences;  // written before main() and in a forked child

  // Real atomics in every build: the watchdog is a thread of its own.
  std::atomic<std::uint64_t> number_{0};  // twice the callbacks, and 1 in user code
  std::atomic<bool> held_{false};         // written under mutex_
  std::atomic<place> place_{place::working};
  std::atomic<std::uint64_t> since_{0};
  std::atomic<int> thread_{0};
  std::atomic<clockid_t> clock_{0};

  // Written in queue code.
  std::uint64_t callbacks_ = 0;
  color_state* color_ = nullptr;
  where site_{};
  const void* object_ = nullptr;

  std::mutex mutex_;
};

}  // namespace async::detail
