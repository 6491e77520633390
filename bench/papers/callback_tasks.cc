// The tasks as callbacks of this library.

#include <algorithm>

#include "bench/papers/tasks.h"
#include "mp/color.h"
#include "mp/runtime.h"

namespace papers {

namespace {

class callback_tasks {
 public:
  explicit callback_tasks(const task_load& load) : load_(load), tallies_(load.cpus) {}

  task_figures run();

 private:
  struct task {
    async::color own;
    std::int64_t since;
  };

  void begin(std::size_t n) {
    async::post(tasks_[n].own, [this, n] { step(n); });
  }
  void step(std::size_t n);
  tally& mine() noexcept;

  const task_load& load_;
  std::vector<task> tasks_;
  std::vector<tally> tallies_;  // one for each worker
  std::atomic<std::size_t> workers_{0};
  std::atomic<phase> phase_{phase::warming_up};
};

tally& callback_tasks::mine() noexcept {
  static thread_local tally* own = nullptr;
  // relaxed: only the number matters.
  if (own == nullptr) own = &tallies_.at(workers_.fetch_add(1, std::memory_order_relaxed));
  return *own;
}

void callback_tasks::step(std::size_t n) {
  load_.files.read(n);
  const std::int64_t now = now_ns();
  task& t = tasks_[n];
  // relaxed: a task more or less is counted.
  if (phase_.load(std::memory_order_relaxed) == phase::measuring) {
    tally& count = mine();
    ++count.done;
    count.longest_ns = std::max(count.longest_ns, now - t.since);
  }
  t.since = now;
  begin(n);
}

task_figures callback_tasks::run() {
  const double before = resident_bytes();
  async::runtime runtime(async::runtime_options{.cpus = load_.cpus});
  tasks_.reserve(load_.tasks);
  for (std::size_t n = 0; n < load_.tasks; ++n) {
    tasks_.push_back({async::color::fresh(), now_ns()});
    begin(n);
  }
  runtime.start();
  task_figures figures;
  figures.tasks = load_.tasks;
  figures.seconds = measure_phases(load_, phase_);
  figures.bytes_each = (resident_bytes() - before) / static_cast<double>(load_.tasks);
  runtime.stop();
  const std::int64_t end = now_ns();
  for (const tally& t : tallies_) {
    figures.done += t.done;
    figures.longest_ns = std::max(figures.longest_ns, t.longest_ns);
  }
  for (const task& t : tasks_) figures.longest_ns = std::max(figures.longest_ns, end - t.since);
  return figures;
}

}  // namespace

task_figures run_callbacks(const task_load& load) { return callback_tasks(load).run(); }

}  // namespace papers
