// What the answer means to a call that may have been carried out twice: it was sent on an earlier
// channel too, and the server remembers nothing of that. Then "there is no such file" may be the
// success of REMOVE, and "it exists" that of MKDIR. Serves stage 5 of client programs.
//
//     REMOVE, RMDIR       NOENT   it is gone: success
//     RENAME              NOENT   success if there is a file of the new name
//     MKDIR, MKNOD        EXIST   success if there is one of the type (and device numbers)
//     CREATE, GUARDED     EXIST   success if there is a regular file
//     SYMLINK             EXIST   success if there is a link with this target
//     LINK                EXIST   success if the name is the file's: same fsid, same fileid
//
// Everything else is either harmless to repeat, or not told from somebody else's doing. (If in fact
// somebody else made what is found, he and the caller think to have made it: NFS cannot tell.)
//
// Thread safety: one thread (or color) at a time.
// Invariant: what the server says is decoded with bounds; nonsense leaves the answer as it was.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "examples/sfsd/nfs/protocol.h"

namespace sfs {

// Whether such an answer may be due to the repetition.
bool is_suspect(std::uint32_t procedure, const_bytes arguments, const_bytes results);

// Finds out what happened. Feed it with answers to the calls that it asks for, then take results().
class retry_check {
 public:
  // Of an answer that is_suspect(). All is copied.
  retry_check(std::uint32_t procedure, const_bytes arguments, const_bytes results);

  struct question {
    std::uint32_t procedure;  // of NFS
    std::vector<std::uint8_t> arguments;
  };
  // What has to be asked now; empty if results() is known. Once for each answer.
  std::optional<question> next();

  // The results of the question; empty bytes if there are none: then the answer stays as it was.
  void answered(const_bytes results);

  // What the caller gets.
  const_bytes results() const noexcept { return results_; }

 private:
  enum class step : std::uint8_t { look_up, found_attributes, file_attributes, read_link, done };
  void name_found(const_bytes results);
  void attributes_found(const_bytes results);
  void target_found(const_bytes results);
  void judge();
  void succeed_new_object();
  void succeed_link();
  void succeed_rename();
  bool decode_arguments(const_bytes arguments);

  std::uint32_t procedure_;
  std::vector<std::uint8_t> results_;
  step step_ = step::done;

  // From the arguments.
  std::vector<std::uint8_t> directory_, file_, target_;  // handles; a symbolic link's target
  std::vector<std::uint8_t> name_;
  std::uint32_t type_ = NF3REG;
  specdata3 device_{};

  // From the answers.
  std::vector<std::uint8_t> found_;  // handle
  post_op_attr found_attributes_{}, file_attributes_{}, directory_attributes_{};
};

}  // namespace sfs
