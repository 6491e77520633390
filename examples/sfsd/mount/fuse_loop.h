// The kernel's requests in the event loop: reads them from libfuse's descriptor when there are some
// and gives each to the file system. Serves stages 1, 2 and 5.
//
// Data that is written is not copied from where the kernel's request was read: the buffer is handed
// on if most of it is data, and the next request is read to another one.
//
// Thread safety: one color (the default color).
// Invariants: reading never blocks. What makes requests stop (an unmount) is told once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "async/fd.h"
#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/mount/file_system.h"

namespace sfs {

struct mount_settings {
  std::string source;  // what mount(8) shows
  std::string mountpoint;
  std::vector<std::string> options;  // for libfuse and the kernel, as after -o
  bool leased = false;               // the server tells of changes
};

class fuse_loop {
 public:
  // Must outlive it.
  explicit fuse_loop(file_system& fs) : fs_(fs) {}
  ~fuse_loop();

  // Mounts; blocks for as long as that takes. Empty, or why it failed. `started` is called when the
  // kernel and we have agreed on how to talk, `unmounted` when somebody has unmounted it.
  std::string mount(const mount_settings& settings, std::function<void()> started,
                    std::function<void()> unmounted);

  // Unmounts. Processes that still have files open there get errors from now on, and so do those
  // that wait for an answer.
  void unmount();

  // Called by the operations (operations.cc).
  void agreed() noexcept { agreed_ = true; }
  file_system& files() noexcept { return fs_; }
  const mount_settings& settings() const noexcept { return settings_; }
  // The memory of the present request, if enough of it is data to be kept; it is then not used
  // again until the block goes.
  async::ptr<write_block> keep_buffer(std::size_t data);

 private:
  void readable();
  void stop();
  void leave();
  static void give_back(void* memory);

  file_system& fs_;
  mount_settings settings_;
  fuse_session* session_ = nullptr;
  std::function<void()> started_, unmounted_;
  std::string device_;  // what was mounted
  bool mounted_ = false, agreed_ = false;
  fuse_buf buffer_{};
};

// What libfuse calls; their userdata is a fuse_loop.
const fuse_lowlevel_ops& operations() noexcept;

}  // namespace sfs
