// Tells the kernel what it must not believe any more. Serves stage 6, from a thread of its own.
//
// Why a thread: the kernel answers a notification only when it has the locks of the directory or
// the pages that it is about, and a process may hold these while it waits for us. This thread may
// wait for that process, because the event loop, which never waits for this thread, goes on
// answering it.
//
// Thread safety: all but the constructor and the destructor: any thread; none blocks. Notifications
// are made in the order in which they were asked for.
// Invariant: the queue is bounded (news_queue.h).
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "examples/sfsd/mount/inode_table.h"
#include "examples/sfsd/mount/news_queue.h"

struct fuse_session;

namespace sfs {

class notifier final : public cache_observer {
 public:
  notifier() = default;
  ~notifier();

  // From now on the kernel is told; before, there is nothing that it could believe.
  void begin(fuse_session* session);
  // The kernel does not listen any more: its notifications fail, and do not wait.
  void end();
  // Whether it is telling something just now, and may be waiting for a lock of the kernel.
  bool is_telling() const;

  void attributes_changed(const inode& i) override;
  void data_changed(const inode& i) override;
  void name_changed(const inode& directory, std::string_view name) override;

 private:
  void add(news n);
  void run();
  void tell(const news& n);

  fuse_session* session_ = nullptr;
  mutable std::mutex mutex_;
  std::condition_variable some_;
  news_queue queue_;                       // guarded by mutex_
  bool ending_ = false, telling_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace sfs
