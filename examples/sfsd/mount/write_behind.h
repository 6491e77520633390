// Writing behind: a write is answered when its data is here, and is sent while the program goes on.
// Serves stages 5 and 6.
//
//   write()     takes data; waits while there is more than `limit` of it
//   flush()     waits until the server has taken all of a file's data: for close(2) and fstat(2)
//   sync()      waits until it is on the server's disk: for fsync(2)
//   truncate()  forgets what is behind the file's new end
//
// Data goes in WRITEs of up to 64 KiB, several at a time; what is less waits a moment for more.
// What the server has taken but may still lose (UNSTABLE) is kept until a COMMIT says that it is on
// its disk, and is written again if the server says that it was restarted (the verifier of RFC
// 1813). COMMITs are made for sync(), when much is kept, and after a few seconds.
//
// Thread safety: one color (the default color).
// Invariants: what was taken by write() is kept until the server has it on its disk, or refuses it;
// then the inode's `losses` says so. What anybody waits for is done in finite time if the server
// answers: who writes to a file waits for those who wait for what was written before.
#pragma once

#include <boost/intrusive/list.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>

#include "examples/sfsd/mount/dirty_file.h"
#include "examples/sfsd/mount/inode.h"

namespace sfs {

// Where the data goes.
class write_target {
 public:
  struct outcome {
    int error = 0;
    std::uint32_t count = 0;  // WRITE: bytes taken
    bool committed = false;   // WRITE: they are on the disk
    std::uint64_t verifier = 0;
  };
  using done = std::function<void(const outcome&)>;

  virtual void write(const async::ref<inode>& i, const dirty_file::flight& f, stable_how how,
                     done d) = 0;
  virtual void commit(const async::ref<inode>& i, done d) = 0;
  // The data that the kernel keeps is not what the server has.
  virtual void data_lost(inode& i) = 0;

 protected:
  ~write_target() = default;
};

struct write_limits {
  std::size_t memory = 64 << 20;
  std::size_t on_the_way = 4 << 20;
  unsigned commits = 4;  // in the background, at a time
  std::chrono::milliseconds linger{50};
  std::chrono::milliseconds commit_after{5'000};
};

class write_behind {
 public:
  using clock = timing::clock;
  using done = std::function<void()>;

  // All but the limits must outlive it.
  write_behind(write_target& target, timing& time, std::uint32_t piece_size,
               write_limits limits = {});
  ~write_behind();

  // `owner`, which may be null, is the memory in which the data lies. A write that has to wait and
  // is no longer `wanted`, if that is given, is forgotten: then `d` is not called.
  using question = std::function<bool()>;
  void write(const async::ref<inode>& i, std::uint64_t offset, const_bytes data,
             async::ptr<write_block> owner, done d, question wanted = nullptr);
  void flush(const async::ref<inode>& i, done d);
  void sync(const async::ref<inode>& i, done d);
  void truncate(const async::ref<inode>& i, std::uint64_t size, done d);

  // The file is gone: what is not sent need not be.
  void forget(inode& i);

  // Waits until nothing is left of any file.
  void finish(done d);
  // What is left: the files with data that was taken and may not be on the server's disk.
  std::vector<async::ref<inode>> unstored() const;

  // The server was restarted: finds out soon what it has forgotten.
  void server_restarted();

  std::size_t& gauge() noexcept { return memory_; }
  std::size_t files() const noexcept { return files_.size(); }

 private:
  struct waiting_write {
    std::uint64_t offset;
    const_bytes data;
    async::ptr<write_block> block;
    done d;
    question wanted;
  };
  struct file : boost::intrusive::list_base_hook<> {
    explicit file(const async::ref<inode>& i) : of(i) {}
    async::ref<inode> of;
    std::deque<waiting_write> writes;
    std::vector<done> flushes, syncs;
    bool committing = false, due = false;
    clock::time_point queued_since{}, uncommitted_since{};
    dirty_file& data() const noexcept { return *of->dirty; }
    bool has_waiters() const noexcept { return !flushes.empty() || !syncs.empty(); }
  };

  file& file_of(const async::ref<inode>& i);
  void accept(file& f, std::uint64_t offset, const_bytes data, async::ptr<write_block> owner);
  void forget_unwanted(file& f);
  void admit_writes(file& f, std::vector<done>& ready);
  void pump();
  bool pump(file& f);
  void send(file& f, const dirty_file::flight& flight);
  void written(const async::ref<inode>& i, const dirty_file::flight& flight,
               const write_target::outcome& o);
  void commit(file& f);
  void committed(const async::ref<inode>& i, std::uint64_t mark, const write_target::outcome& o);
  void lose(file& f, int error);
  void attend(file& f);
  void serve_waiters(file& f, std::vector<done>& ready);
  void attend_blocked();
  std::size_t kept() const noexcept { return memory_ - waiting_; }
  void relieve();
  void tick();
  void tick_soon();

  write_target& target_;
  timing& time_;
  std::uint32_t piece_size_;  // of a WRITE, at most
  write_limits limits_;
  std::size_t memory_ = 0;  // of all blocks; those of waiting writes are in it
  std::size_t waiting_ = 0, on_the_way_ = 0;
  unsigned commits_ = 0;
  std::unordered_map<inode*, std::unique_ptr<file>> files_;
  boost::intrusive::list<file> sending_;  // those with something queued
  std::vector<done> finishers_;
  std::set<inode*> blocked_;  // files with waiting writes
  bool ticking_ = false;
};

}  // namespace sfs
