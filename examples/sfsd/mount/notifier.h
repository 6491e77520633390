// Tells the kernel what it must not believe any more. Serves stage 6, from a thread of its own.
//
// Why a thread: the kernel answers a notification only when it has the locks of the directory or
// the pages that it is about, and a process may hold these while it waits for us. This thread may
// wait for that process, because the event loop, which never waits for this thread, goes on
// answering it.
//
// Thread safety: all but the constructor and the destructor: any thread; none blocks. Notifications
// are made in the order in which they were asked for.
// Invariant: the queue is bounded by what the kernel knows: an inode or a name is told once, and is
// then not believed until the kernel has been told anew (inode_table.h).
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "examples/sfsd/mount/inode_table.h"

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

  void attributes_changed(const inode& i) override;
  void data_changed(const inode& i) override;
  void name_changed(const inode& directory, std::string_view name) override;

 private:
  enum class kind : std::uint8_t { attributes, data, name };
  struct news {
    kind what;
    std::uint64_t id;
    std::string name;
  };
  void add(news n);
  void run();
  void tell(const news& n);

  fuse_session* session_ = nullptr;
  std::mutex mutex_;
  std::condition_variable some_;
  std::deque<news> queue_;  // guarded by mutex_
  bool ending_ = false;     // guarded by mutex_
  std::thread thread_;
};

}  // namespace sfs
