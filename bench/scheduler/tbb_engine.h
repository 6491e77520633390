#pragma once
// The oneTBB peer of the scheduler benchmarks: a flow graph with one serial, queueing function_node
// per color, which is TBB's way to say "in order, one at a time". It serves as stages 3 to 5
// (posting, dequeuing, running) do here.
//
// Usual best practice, so that the comparison is fair:
// - The task itself is the node's message: small, copied, no std::function.
// - An arena of exactly N threads, of which the measuring thread is one while it waits, as TBB
//   intends; each is pinned to its CPU. `lightweight` nodes are not used: they would run the next
//   node's task on the stack of the one that posts.
//
// Thread safety: `post` from any task, and from the measuring thread within `run`.

#include <tbb/flow_graph.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_scheduler_observer.h>

#include <cstddef>
#include <deque>

#include "bench/support/placement.h"

namespace bench {

/// One serial node per color, and one more, which stands for the default color.
template <class Task>
class tbb_engine {
 public:
  static constexpr const char* name = "peer:tbb_serial_node";

  tbb_engine(unsigned cpus, std::size_t colors)
      : threads_(tbb::global_control::max_allowed_parallelism, cpus),
        arena_(static_cast<int>(cpus)),
        pinning_(arena_) {
    pinning_.observe(true);
    arena_.execute([&] {
      graph_.reset();
      for (std::size_t i = 0; i <= colors; i++)
        nodes_.emplace_back(graph_, tbb::flow::serial, [](Task task) {
          task();
          return tbb::flow::continue_msg();
        });
    });
  }
  ~tbb_engine() { pinning_.observe(false); }

  std::size_t default_color() const { return nodes_.size() - 1; }
  void post(std::size_t color, const Task& task) { nodes_[color].try_put(task); }
  /// Calls `start` and returns when nothing is left to run.
  template <class Start>
  void run(Start start) {
    arena_.execute([&] {
      start();
      graph_.wait_for_all();
    });
  }
  void finish() {}

 private:
  struct pinning : tbb::task_scheduler_observer {
    using task_scheduler_observer::task_scheduler_observer;
    void on_scheduler_entry(bool) override {
      pin_to(static_cast<unsigned>(tbb::this_task_arena::current_thread_index()));
    }
  };

  tbb::global_control threads_;
  tbb::task_arena arena_;
  pinning pinning_;
  tbb::flow::graph graph_;
  std::deque<tbb::flow::function_node<Task, tbb::flow::continue_msg>> nodes_;
};

}  // namespace bench
