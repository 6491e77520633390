// One client that writes, in all the ways there are, until he is told to stop: he keeps a ledger of
// what he was told, and finds out at once if it is not so.
//
//     log     records one behind the other, mostly UNSTABLE and then a COMMIT for several; what the
//             write verifier says is not safe is written again (RFC 1813, section 3.3.21)
//     slots   FILE_SYNC or DATA_SYNC, over and over at the same places
//     names   files, directories and links that are made, renamed and removed
//
// When there is no room, or the disk fails, he waits a little and tries again.
//
// Serves stage 5 of test programs. Thread safety: one color (the default color).
// Invariant: whatever is not acknowledged as it should be is a finding.
#pragma once

#include <array>
#include <deque>
#include <random>

#include "examples/sfsd/nfs/protocol.h"
#include "tests/interop/faults/link.h"
#include "tests/interop/faults/worker.h"

namespace sfs::faults {

class writer final : public worker {
 public:
  using handle = std::vector<std::uint8_t>;

  writer(std::uint32_t number, std::string directory, std::unique_ptr<nfs_link> link,
         const worker_options& o);

  void begin() override;
  void stop() override { stopping_ = true; }
  bool has_stopped() const override { return running_ == 0; }
  std::uint64_t steps() const override;
  std::uint64_t steps_altogether() const override;
  worker_counts count() const override { return counts_; }
  bool is_full() const override { return is_full_; }
  // Removes all but the log that he is writing, when he has the time.
  void make_room() override { room_wanted_ = true; }
  bool is_cut_off() const override { return !link_->is_up(); }
  void cut() override { link_->cut(); }
  void check(findings& f) override;
  void lose_what_may_be_lost() override { book_.lose_what_may_be_lost(); }
  std::string name() const override { return book_.directory(); }

 private:
  struct piece {
    record what;
    bool written = false, stable = false;
    std::uint64_t verifier = 0;
  };
  enum work : std::uint8_t { logs, slots, names, works };

  eventual<done> run();
  eventual<handle> find_directory();
  eventual<done> write_logs();
  eventual<done> write_log(std::string name);
  eventual<done> write_pieces(const handle& file, const std::string& name,
                              std::vector<piece>& pieces);
  eventual<done> commit(const handle& file, const std::string& name, std::vector<piece>& pieces);
  eventual<done> remove_logs(std::size_t most);
  eventual<done> write_slots();
  eventual<done> change_names();
  eventual<done> one_name(std::string name);

  eventual<handle> create(std::string name, createmode3 how);
  eventual<handle> make_directory(std::string name);
  eventual<handle> make_link(std::string name);
  eventual<bool> rename(std::string from, std::string to);
  eventual<bool> remove(std::string name, bool directory = false);
  eventual<handle> new_object(std::string name, answer a);
  eventual<handle> look_up(std::string name);
  eventual<answer> write(const handle& file, const record& r, stable_how how);

  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
  std::uint64_t take_verifier(const writeverf3 v);
  bool passes(nfsstat3 status, const std::string& what);
  // The status that an answer begins with; a finding if it has none.
  nfsstat3 status_of(const answer& a, const std::string& what);
  eventual<done> step(work w);
  void wrong(const std::string& what);

  std::uint32_t number_;
  std::unique_ptr<nfs_link> link_;
  worker_options options_;
  std::minstd_rand random_;
  ledger book_;
  findings found_;
  handle directory_;

  std::array<std::uint64_t, works> steps_{};
  unsigned running_ = 0;
  bool stopping_ = false, is_full_ = false, room_wanted_ = false;
  std::uint64_t next_record_ = 1;
  std::deque<std::string> old_logs_;
  std::deque<std::string> old_names_;
  static constexpr std::uint32_t slots_of_one_work = 8;
  std::uint32_t next_slots_ = 0;
  handle slot_file_;
  worker_counts counts_;

  // The server's verifier, and what makes it another one.
  std::uint64_t verifier_ = 0;
  unsigned restarts_at_verifier_ = 0;
  bool disk_failed_ = false;
};

}  // namespace sfs::faults
