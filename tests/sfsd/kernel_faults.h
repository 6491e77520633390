// The system calls with which a server writes and finds files, as a test wants them to go: counted,
// failing, doing less than they were asked to, or late. In between, the kernel's own are called.
//
// Serves no stage of its own. Thread safety: one test at a time; the calls may come from any
// thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>

namespace sfs::test {

struct kernel_faults {
  std::atomic<int> fsyncs{0}, fdatasyncs{0};
  std::atomic<int> sync_error{0};  // errno of each fsync and fdatasync; 0: as the kernel says
  std::atomic<bool> sync_error_is_old{false};  // only descriptors that can write still get it
  std::atomic<int> times_error{0};             // errno of each futimens and utimensat
  std::atomic<int> write_error{0};  // errno of each pwrite, as soon as `writes_left` have been done
  std::atomic<int> writes_left{0};
  std::atomic<int> handles_short{0};       // so many of the next open_by_handle_at fail with ENOMEM
  std::atomic<std::size_t> write_most{0};  // how much a pwrite takes at most; 0: all
  // Carried out once, in a thread of its own, before the next call that changes a file or its
  // directory goes on.
  std::function<void()> meanwhile;

  int syncs() const { return fsyncs + fdatasyncs; }
};

// Those in force; none while there is no `faults_for_a_test`.
kernel_faults* faults() noexcept;

// Faults as long as it lives.
class faults_for_a_test : public kernel_faults {
 public:
  faults_for_a_test() noexcept;
  ~faults_for_a_test();
};

}  // namespace sfs::test
