// What one writer has been told about his directory: which bytes are safe and which names are
// there. The directory is compared with it at any time: whatever was acknowledged must be there
// then.
//
//     log      records one behind the other; each is `asked` until it is known to be stable
//     slots    a file of places that are written over and over; each must hold what was
//     acknowledged
//              last, or something that was asked for after that
//     names    a name that was asked to come or go may be there or not until that is acknowledged
//
// What it cannot see: a server that acknowledges what it has not brought to the disk, because all
// of it survives the end of a process. lose_what_may_be_lost() does to the files what the end of a
// machine may do to them: what nobody has acknowledged as stable is destroyed, and is right in the
// end only if the client writes it again.
//
// Serves no stage. Thread safety: one thread at a time.
// Invariant: nothing is forgotten that was acknowledged, unless it was removed since.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "examples/sfsd/base/fd.h"
#include "tests/interop/faults/record.h"

namespace sfs::faults {

struct findings {
  std::uint64_t records = 0, slots = 0, names = 0;  // that were as they should be
  std::vector<std::string> wrong;
};

class ledger {
 public:
  // `directory` is where the server has what the writer writes to; it may not be there yet.
  ledger(std::uint32_t writer, std::string directory)
      : writer_(writer), directory_(std::move(directory)) {}

  // Names. A name that is not known must not be there.
  void may_come(const std::string& name) { names_[name] = presence::unsure; }
  void may_go(const std::string& name) { names_[name] = presence::unsure; }
  void is_there(const std::string& name) { names_[name] = presence::there; }
  void is_gone(const std::string& name);

  // Compares one name at once: there, and if `inode` is not 0 that file, or not there.
  void expect_now(const std::string& name, bool there, std::uint64_t inode, findings& f) const;

  // Records of log files.
  void asked(const std::string& file, const record& r) { logs_[file][r.offset] = {r, false}; }
  void is_stable(const std::string& file, const record& r) { logs_[file][r.offset] = {r, true}; }

  // Slots.
  static constexpr std::uint32_t slot_size = 4096;
  void slot_asked(std::uint32_t slot, std::uint64_t sequence) { slots_[slot].asked = sequence; }
  void slot_written(std::uint32_t slot) {
    slots_[slot].sure = true;
    slots_[slot].safe = slots_[slot].asked;
  }
  // It was refused, perhaps in the middle.
  void slot_failed(std::uint32_t slot) { slots_[slot].sure = false; }
  static constexpr const char* slot_file = "slots";

  void check(findings& f) const;
  void lose_what_may_be_lost() const;

  std::uint32_t writer() const noexcept { return writer_; }
  const std::string& directory() const noexcept { return directory_; }

 private:
  enum class presence : std::uint8_t { there, unsure };
  struct entry {
    record what;
    bool stable = false;
  };
  struct slot {
    bool sure = false;
    std::uint64_t safe = 0, asked = 0;
  };
  void check_names(findings& f) const;
  void check_log(const std::string& name, const std::map<std::uint64_t, entry>& log,
                 findings& f) const;
  void check_slots(findings& f) const;
  fd_owner open(const std::string& name, int flags) const;
  std::string called(const std::string& name) const { return directory_ + "/" + name + ": "; }

  std::uint32_t writer_;
  std::string directory_;
  std::map<std::string, presence> names_;
  std::map<std::string, std::map<std::uint64_t, entry>> logs_;
  std::map<std::uint32_t, slot> slots_;
};

}  // namespace sfs::faults
