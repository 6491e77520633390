// The handlers of fork(): see fork_safe.h. Serves no stage.
#include "async/detail/fork_safe.h"

#include <pthread.h>

#include <mutex>
#include <vector>

#include "mp/detail/fork.h"

namespace async::detail {

namespace {

struct participants {
  std::mutex mutex;
  std::vector<fork_participant*> list;  // guarded by mutex
};

participants& everybody() {
  static participants* const all = [] {
    // First, as what was installed last comes first before a fork: locks of ours are taken before
    // those of the layers below.
    handle_forks();
    pthread_atfork(
        [] {
          everybody().mutex.lock();
          for (auto* p : everybody().list) p->before_fork();
        },
        [] {
          for (auto* p : everybody().list) p->after_fork_in_parent();
          everybody().mutex.unlock();
        },
        [] {
          for (auto* p : everybody().list) p->after_fork_in_child();
          everybody().mutex.unlock();
        });
    return new participants;
  }();
  return *all;
}

}  // namespace

void fork_participant::join() {
  participants& all = everybody();
  const std::lock_guard lock(all.mutex);
  all.list.push_back(this);
}

void fork_participant::leave() noexcept {
  participants& all = everybody();
  const std::lock_guard lock(all.mutex);
  std::erase(all.list, this);
}

}  // namespace async::detail
