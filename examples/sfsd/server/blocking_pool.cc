// See blocking_pool.h.
#include "examples/sfsd/server/blocking_pool.h"

#include <utility>

namespace sfs {

blocking_pool::~blocking_pool() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  more_.notify_all();
  for (std::thread& t : threads_) t.join();
}

void blocking_pool::run(std::function<void()> work, async::color c,
                        std::function<void()> afterwards) {
  if (most_ == 0) {
    work();
    async::post(c, std::move(afterwards));
    return;
  }
  const std::scoped_lock lock(mutex_);
  jobs_.push_back({std::move(work), std::move(c), std::move(afterwards)});
  if (idle_ < jobs_.size() && threads_.size() < most_) threads_.emplace_back([this] { serve(); });
  more_.notify_one();
}

void blocking_pool::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    more_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    --idle_;
    if (ending_) return;
    job j = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    j.work();
    async::post(j.color, std::move(j.afterwards));
    j = {};  // what it holds may be the last of its kind, and is not destroyed under the lock
    lock.lock();
  }
}

}  // namespace sfs
