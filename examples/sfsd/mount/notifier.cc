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

bool notifier::is_telling() const {
  const std::lock_guard lock(mutex_);
  return telling_;
}

void notifier::attributes_changed(const inode& i) { add({news::kind::attributes, i.id(), {}}); }

void notifier::data_changed(const inode& i) { add({news::kind::data, i.id(), {}}); }

void notifier::name_changed(const inode& directory, std::string_view name) {
  add({news::kind::name, directory.id(), std::string(name)});
}

void notifier::add(news n) {
  if (!session_) return;
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return;
    queue_.add(std::move(n));
  }
  some_.notify_one();
}

void notifier::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    const auto next = queue_.take();
    if (!next) {
      some_.wait(lock);
      continue;
    }
    telling_ = true;
    lock.unlock();
    tell(*next);
    lock.lock();
    telling_ = false;
  }
}

// What the kernel has forgotten meanwhile it does not find: that is no error.
void notifier::tell(const news& n) {
  switch (n.what) {
    case news::kind::attributes:
      fuse_lowlevel_notify_inval_inode(session_, n.id, -1, 0);
      break;
    case news::kind::data:
      fuse_lowlevel_notify_inval_inode(session_, n.id, 0, 0);
      break;
    case news::kind::name:
      fuse_lowlevel_notify_inval_entry(session_, n.id, n.name.data(), n.name.size());
      break;
  }
}

}  // namespace sfs
