// A program on a mounted file system: writes, fsyncs, makes, renames and removes files by the
// kernel's calls, in a thread of its own. When the mount is gone it waits for the next one, and
// what it was doing then may have been done or not.
//
// Serves no stage. Thread safety: what worker.h has, under the default color; the rest is the
// thread's.
// Invariant: the ledger, the findings and the counts are touched with the mutex held only.
#pragma once

#include <deque>
#include <mutex>
#include <random>
#include <thread>

#include "tests/interop/faults/worker.h"

namespace sfs::faults {

class program final : public worker {
 public:
  // `mounted` is the writer's directory as programs see it, `exported` as the server has it.
  program(std::uint32_t number, std::string mounted, std::string exported, const worker_options& o);
  ~program() override;

  void begin() override;
  void stop() override;
  bool has_stopped() const override;
  std::uint64_t steps() const override;
  std::uint64_t steps_altogether() const override { return steps(); }
  worker_counts count() const override;
  void check(findings& f) override;
  void lose_what_may_be_lost() override;
  std::string name() const override { return book_.directory(); }

 private:
  using lock = std::scoped_lock<std::mutex>;

  void run();
  void one_step();
  bool write_records();
  bool next_log();
  bool write_slot();
  bool change_name();
  bool make(const std::string& name);
  bool remove(const std::string& name);
  bool rename(const std::string& from, const std::string& to);
  bool write(int fd, const record& r);
  bool failed(const std::string& what);
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
  std::string at(const std::string& name) const { return mounted_ + "/" + name; }

  // The thread's.
  std::uint32_t number_;
  std::string mounted_;
  worker_options options_;
  std::minstd_rand random_;
  std::thread thread_;
  std::uint64_t next_record_ = 1;
  unsigned last_log_ = 0;
  std::string log_;
  fd_owner log_file_, slots_;
  std::uint64_t log_end_ = 0;
  std::deque<std::string> old_logs_, old_names_;

  mutable std::mutex mutex_;
  ledger book_;
  findings found_;
  worker_counts counts_;
  std::uint64_t steps_ = 0;
  bool stopping_ = false, stopped_ = false;
};

}  // namespace sfs::faults
