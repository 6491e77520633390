// See notifier.h.
#include "examples/sfsd/mount/notifier.h"

#include <csignal>

#include "examples/sfsd/mount/fuse.h"

namespace sfs {

notifier::~notifier() { end(); }

void notifier::begin(fuse_session* session) {
  session_ = session;
  // Signals are for the event loop.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread(&notifier::run, this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void notifier::end() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    queue_.clear();
  }
  some_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void notifier::attributes_changed(const inode& i) { add({kind::attributes, i.id(), {}}); }

void notifier::data_changed(const inode& i) { add({kind::data, i.id(), {}}); }

void notifier::name_changed(const inode& directory, std::string_view name) {
  add({kind::name, directory.id(), std::string(name)});
}

void notifier::add(news n) {
  if (!session_) return;
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return;
    queue_.push_back(std::move(n));
  }
  some_.notify_one();
}

void notifier::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (queue_.empty()) {
      some_.wait(lock);
      continue;
    }
    const news next = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    tell(next);
    lock.lock();
  }
}

// What the kernel has forgotten meanwhile it does not find: that is no error.
void notifier::tell(const news& n) {
  switch (n.what) {
    case kind::attributes:
      fuse_lowlevel_notify_inval_inode(session_, n.id, -1, 0);
      break;
    case kind::data:
      fuse_lowlevel_notify_inval_inode(session_, n.id, 0, 0);
      break;
    case kind::name:
      fuse_lowlevel_notify_inval_entry(session_, n.id, n.name.data(), n.name.size());
      break;
  }
}

}  // namespace sfs
