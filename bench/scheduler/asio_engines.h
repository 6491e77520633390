#pragma once
// The Asio peers of the scheduler benchmarks: strands over a thread_pool, and io_context::strand.
// They serve as stages 3 to 5 (posting, dequeuing, running) do here.
//
// Usual best practice, so that the comparison is fair:
// - Small, trivially copyable function objects; no std::function.
// - The strand over the pool is asked once for its never-blocking form, which is what `asio::post`
//   does at every call by copying the strand: that makes it a third faster (120 ns instead of 200
//   for a self-posting chain on one CPU). `asio::defer` is no faster than `asio::post` in these
//   loads, because a strand that runs is not rescheduled.
// - One thread means a concurrency hint of 1 (thread_pool gives it by itself): Asio then keeps what
//   the thread posts to itself off the shared queue. The hints that drop the locks altogether
//   (UNSAFE) would forbid posting from other threads, which the library allows.
// - The default recycling allocator, which hands a handler's memory to the next one of the thread.
// - Threads are pinned one to a CPU, as the library's are.
//
// Thread safety: `post` from any thread; the rest from the thread that made the engine.

#include <asio.hpp>
#include <cstddef>
#include <deque>
#include <latch>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "bench/support/measure.h"
#include "bench/support/placement.h"

namespace bench {

/// One strand per color over a thread_pool of a thread per CPU. `colors()` strands and one more,
/// which stands for the default color.
template <class Task>
class asio_pool_engine {
 public:
  static constexpr const char* name = "peer:asio_strand_thread_pool";

  asio_pool_engine(unsigned cpus, std::size_t colors) : pool_(cpus) {
    // Each thread takes one of these, because none returns before all have begun.
    const auto all_threads = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(cpus) + 1);
    for (unsigned i = 0; i < cpus; i++)
      asio::post(pool_, [all_threads, i] {
        pin_to(i);
        all_threads->arrive_and_wait();
      });
    all_threads->arrive_and_wait();
    for (std::size_t i = 0; i <= colors; i++) strands_.push_back(never_blocking(pool_));
  }
  ~asio_pool_engine() {
    pool_.stop();
    pool_.join();
  }

  std::size_t default_color() const { return strands_.size() - 1; }
  void post(std::size_t color, const Task& task) { strands_[color].execute(task); }
  /// Calls `start` and returns when a task has called `finish`.
  template <class Start>
  void run(Start start) {
    start();
    finished_.wait();
  }
  void finish() { finished_.cross(); }

 private:
  static auto never_blocking(asio::thread_pool& pool) {
    return asio::require(asio::make_strand(pool), asio::execution::blocking.never);
  }

  asio::thread_pool pool_;
  std::vector<decltype(never_blocking(std::declval<asio::thread_pool&>()))> strands_;
  finish_line finished_;
};

/// One io_context::strand per color over an io_context which a thread per CPU runs. Asio maps them
/// to 193 mutual-exclusion groups, so that with 4,096 colors some exclude each other needlessly:
/// that is how it comes by default.
template <class Task>
class asio_context_engine {
 public:
  static constexpr const char* name = "peer:asio_io_context_strand";

  asio_context_engine(unsigned cpus, std::size_t colors)
      : context_(static_cast<int>(cpus)), busy_(context_.get_executor()) {
    for (std::size_t i = 0; i <= colors; i++) strands_.emplace_back(context_);
    for (unsigned i = 0; i < cpus; i++)
      threads_.emplace_back([this, i] {
        pin_to(i);
        context_.run();
      });
  }
  ~asio_context_engine() {
    context_.stop();
    threads_.clear();
  }

  std::size_t default_color() const { return strands_.size() - 1; }
  void post(std::size_t color, const Task& task) { asio::post(strands_[color], task); }
  template <class Start>
  void run(Start start) {
    start();
    finished_.wait();
  }
  void finish() { finished_.cross(); }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> busy_;
  std::deque<asio::io_context::strand> strands_;
  std::vector<std::jthread> threads_;
  finish_line finished_;
};

}  // namespace bench
