// A few threads for what makes its caller wait: a disk that has to write what was written (COMMIT),
// or to read what is not in memory. The runtime has a thread for each CPU and no more, and one that
// waits for a disk serves nobody. Serves stage 5.
//
//     pool.run([...] { wait for the disk; }, color, callback);   // callback runs afterwards
//
// Thread safety: run() may be called from any thread. The pool must outlive what it was given.
// Invariants: at most `most` threads, started when they are needed first; what was given is begun
// in the order in which it came, as threads become free, and each callback is posted once. With no
// threads at all the caller carries it out.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "mp/color.h"

namespace sfs {

class blocking_pool {
 public:
  explicit blocking_pool(unsigned most) noexcept : most_(most) {}
  // Waits for what is being carried out; what waits is not begun.
  ~blocking_pool();

  void run(std::function<void()> work, async::color c, std::function<void()> afterwards);

 private:
  struct job {
    std::function<void()> work;
    async::color color;
    std::function<void()> afterwards;
  };
  void serve();

  const unsigned most_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<job> jobs_;  // guarded by mutex_, like all that follows
  std::vector<std::thread> threads_;
  unsigned idle_ = 0;
  bool ending_ = false;
};

}  // namespace sfs
