// The server benchmark of SEDA and of "Why Events Are a Bad Idea": tasks that each read 8 KiB of a
// file that is in the page cache, a fixed number of them in flight. What all ways to run them
// share.
//
// Thread safety: as each member says.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/papers/phase.h"

namespace papers {

inline std::int64_t now_ns() { return steady::now().time_since_epoch().count(); }

// Files of one block, all in the page cache. Any thread.
//
// There are several, which tasks divide among themselves, so that two CPUs do not fight for the
// kernel's count of one file's references: that would be measured instead.
class cached_files {
 public:
  static constexpr std::size_t block = 8192, count = 64;

  explicit cached_files(const std::string& directory);
  ~cached_files();
  cached_files(const cached_files&) = delete;
  cached_files& operator=(const cached_files&) = delete;

  // Reads the file of the task numbered `n`.
  void read(std::size_t n) const;

 private:
  std::vector<int> fds_;
};

// What one thread or CPU has counted while it was measured. That thread alone.
struct alignas(64) tally {
  std::uint64_t done = 0;
  std::int64_t longest_ns = 0;
};

struct task_load {
  std::size_t tasks;
  std::size_t pid_max;  // the machine's, of which a namespace's own says nothing; 0: not known
  unsigned cpus;
  double warmup_s, seconds;
  const cached_files& files;
};

struct task_figures {
  std::size_t tasks = 0;  // in flight; fewer than wanted if the machine does not take more
  std::string limit;      // then what the limit is
  std::uint64_t done = 0;
  double seconds = 0;
  std::int64_t longest_ns = 0;  // from when a task was there until it was done; or until the end
  double bytes_each = 0;        // resident memory, for each
};

// Sleeps through the two phases. `now` is set for whoever runs tasks.
double measure_phases(const task_load& load, std::atomic<phase>& now);

// Resident bytes of this process, without what the kernel has for it.
double resident_bytes();

// A callback under a color of its own for each task; a task that is done posts the next one.
task_figures run_callbacks(const task_load& load);

// A thread for each task, which lets others run when its task is done: by sched_yield, or (`woken`)
// by waking the one that has slept longest and going to sleep.
task_figures run_threads(const task_load& load, bool woken);

}  // namespace papers
