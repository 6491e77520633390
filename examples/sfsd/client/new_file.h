// new_file: where `sfs get` writes. A regular file appears under its name only when it is whole:
// until then it is a temporary file in the same directory, which is removed when anything goes
// wrong, also by SIGINT, SIGTERM and SIGHUP, unless the copy can be resumed. Serves no stage of its
// own.
//
// Thread safety: one thread; at most one new_file of a process is being written at a time, because
// the signals have to find it.
// Invariant: no file of the user is changed before keep() replaces the one that is named.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "examples/sfsd/base/bytes.h"
#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/base/outcome.h"

namespace sfs {

class new_file {
 public:
  // "-" is standard output. A symbolic link stands for what it points to, there or not. A device or
  // a FIFO is written to as it is; a directory is refused.
  static outcome<new_file> create(const std::string& name);

  // Goes on with what an earlier copy of the same `source` left when it was interrupted, or begins
  // one that can be gone on with: the temporary file has a name that is made of both, and stays
  // until keep(). Only for a regular file. `source` is anything that tells whether it is the same.
  static outcome<new_file> resume(const std::string& name, const std::string& source);

  // How much of it, from the beginning, is certainly there already.
  std::uint64_t had() const noexcept { return had_; }

  new_file(new_file&& other) noexcept
      : fd_(std::move(other.fd_)),
        name_(std::exchange(other.name_, {})),
        part_(std::exchange(other.part_, {})),
        had_(other.had_),
        stays_(other.stays_) {}
  new_file& operator=(new_file&&) = delete;
  ~new_file() { discard(); }

  // How many pieces may be asked for at once: what is not a regular file needs them in order.
  std::size_t ahead() const noexcept { return part_.empty() ? 1 : 16; }

  // This and keep() return why they failed, or nothing.
  std::string write(std::uint64_t offset, const_bytes data);

  // All of it is written: gives the file its name, after the disk has it.
  std::string keep();

  // Removes what is not kept.
  void discard() noexcept;

 private:
  explicit new_file(fd_owner fd) noexcept : fd_(std::move(fd)) {}
  static outcome<new_file> create_beside(const std::string& target, unsigned mode);

  fd_owner fd_;
  std::string name_, part_;  // both empty unless it is a regular file
  std::uint64_t had_ = 0;
  bool stays_ = false;  // when it is not kept
};

}  // namespace sfs
