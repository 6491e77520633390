// What the workers of a runtime share, and the one queue's shared part, which outlives runtimes.
//
// Thread-safety: the queue's members, by any thread. The scheduler's, as they say.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "mp/detail/color_queue.h"
#include "mp/detail/parking.h"
#include "mp/detail/sync.h"
#include "mp/runtime.h"

namespace async::detail {

class chooser;
class worker;

using queue_parking = parking<sync, idle_waiter>;

#if defined(ASYNC_VIRTUAL_CPUS)
using worker_thread = virtual_thread;
#else
using worker_thread = std::thread;
#endif

// What exists with or without a runtime: a poster never has to ask whether there is one.
struct shared_queue {
  // Colors that became runnable by a post from outside.
  color_queue posted;
  queue_parking parking;
  // Whether the workers are to leave; written by stop() and by the scheduler.
  std::atomic<bool> stopping{true};
  // Whether a runtime exists, and whether it has workers.
  std::atomic<bool> in_use{false};
  std::atomic<bool> running{false};
  // Odd while the watchdog has taken runnable colors, to look at them (hang_watch.h).
  std::atomic<unsigned> looks{0};
  // In an exploration: decides the order. Written while no runtime exists.
  chooser* order = nullptr;
};

// Never destroyed.
shared_queue& queue() noexcept;

class scheduler {
 public:
  explicit scheduler(runtime_options options);
  ~scheduler();

  // One thread for each worker, but for the first if `caller_works`.
  void start(bool caller_works);
  // The calling thread is the first worker, until the stop.
  void work();
  // Waits for the workers that are threads, and destroys what is pending.
  run_summary finish();
  void drain() noexcept;

  bool started() const noexcept { return !workers_.empty(); }
  unsigned cpus() const noexcept { return cpus_; }

  // For workers.
  std::span<const std::unique_ptr<worker>> workers() const noexcept { return workers_; }
  idle_waiter* waiter() const noexcept { return options_.waiter; }
  void handle_exception(where site) noexcept;
  // Whether a worker that is about to sleep must not.
  bool has_work() const noexcept;
  // For the watching worker, every now and then: whether work lies in some worker's segment and
  // does not move, or readiness is looked after by nobody.
  bool needs_a_worker() noexcept;
  // The right to be in the idle_waiter: one worker at a time, the leader.
  bool try_lead() noexcept {
    // A read first: the line stays shared while somebody leads. acquire/release: what the last
    // leader did in the waiter is seen by this one.
    return options_.waiter != nullptr && !led_.load(std::memory_order_relaxed) &&
           !led_.exchange(true, std::memory_order_acquire);
  }
  void stop_leading() noexcept {
    terms_.store(terms_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    led_.store(false, std::memory_order_release);
  }
  bool led() const noexcept { return led_.load(std::memory_order_relaxed); }

 private:
  void run_thread(unsigned index);
  std::uint64_t destroy_pending() noexcept;

  const runtime_options options_;
  const unsigned cpus_;
  std::vector<std::unique_ptr<worker>> workers_;
  std::vector<worker_thread> threads_;
  // One set of CPUs for each worker, if they are bound to one each.
  std::vector<int> pins_;
  alignas(64) std::atomic<bool> led_{false};
  std::atomic<std::uint64_t> terms_{0};  // how often somebody has led; written by the leader
  std::uint64_t watched_terms_ = 0;      // the watching worker's
};

}  // namespace async::detail
