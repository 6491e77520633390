// fork(): the child has one thread, the one that forked, and none of the workers. The runtime and
// the callbacks that were pending are the parent's; the child may make a runtime of its own and
// start over. What it must not do is return into the callback that forked, or use colors made
// before the fork other than the default one (an owner that is not there may hold them).
#include "mp/detail/fork.h"

#include <pthread.h>

#include <new>

#include "mp/detail/cpus.h"
#include "mp/detail/fibers.h"
#include "mp/detail/worker.h"
#include "wrap/detail/block_cache.h"

namespace async::detail {

namespace {

void before_fork() {
  lock_color_tables();
  queue().posted.mutex().lock();
  lock_fibers();
}

void after_fork() {
  unlock_fibers();
  queue().posted.mutex().unlock();
  unlock_color_tables();
}

void in_parent() { after_fork(); }

void in_child() {
  after_fork();
  clear_color_tables();
  forget_fibers();
  forget_runtime();
  // What is abandoned here is in the parent's hands: nothing of it is destroyed.
  ::new (&queue()) shared_queue;
  ::new (&default_color) color_state(0, color_kind::numbered);
  unpin_this_thread();
}

}  // namespace

void handle_forks() {
  static const int installed = [] {
    hold_block_depots_across_forks();
    return pthread_atfork(before_fork, in_parent, in_child);
  }();
  static_cast<void>(installed);
}

}  // namespace async::detail
