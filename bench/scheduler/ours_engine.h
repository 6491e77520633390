#pragma once
// The library as an engine of the scheduler benchmarks: stages 3 to 5 (posting, dequeuing, running)
// with no I/O at all. Everything is as a program would have it by default; the colors are held, so
// that posting looks nothing up.
//
// Thread safety: `post` from any thread; the rest from the thread that made the engine.

#include <cstddef>
#include <vector>

#include "bench/support/measure.h"
#include "mp/color.h"
#include "mp/runtime.h"

namespace bench {

/// `colors` fresh colors, and the default color.
template <class Task>
class ours_engine {
 public:
  static constexpr const char* name = "ours";

  ours_engine(unsigned cpus, std::size_t colors) : runtime_(async::runtime_options{.cpus = cpus}) {
    for (std::size_t i = 0; i < colors; i++) colors_.push_back(async::color::fresh());
    colors_.emplace_back();
    runtime_.start();
  }
  ~ours_engine() { runtime_.stop(); }

  std::size_t default_color() const { return colors_.size() - 1; }
  void post(std::size_t color, const Task& task) { async::post(colors_[color], task); }
  /// Calls `start` and returns when a task has called `finish`.
  template <class Start>
  void run(Start start) {
    start();
    finished_.wait();
  }
  void finish() { finished_.cross(); }

 private:
  async::runtime runtime_;
  std::vector<async::color> colors_;
  finish_line finished_;
};

}  // namespace bench
