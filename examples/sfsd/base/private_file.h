// Small files that matter: keys, passphrases, tables. Read whole and bounded, if only those may
// touch them who should; made anew with the right mode, or replaced as a whole. Serves no stage; it
// blocks, and belongs in a program's start.
//
// Thread safety: functions without shared state.
// Invariants: what is read was wiped unless it is in the secret_text that is returned; no reader of
// a file that is replaced sees half of it.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/base/secret_text.h"

namespace sfs {

// Who else may do what with a file that is to be read.
enum class allows_others {
  nothing,   // others may neither read nor write it (mode 0600 or less)
  reading,   // nobody but its owner may write it, and he is root or who runs us
  anything,  // it is checked otherwise
};

// Which file it was, and which state of it: another one after each change.
struct file_version {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  timespec changed{}, modified{};

  static file_version of(const struct stat& st) noexcept;
  bool operator==(const file_version& other) const noexcept;
};

// The whole of a regular file of at most `most` bytes. A failure begins with the file's name; errno
// tells one that is not there (ENOENT). Never waits for a FIFO.
outcome<secret_text> read_small_file(const std::string& path, std::size_t most,
                                     allows_others allowed, file_version* version = nullptr);

// Writes a new file with this mode, whatever the umask says, and waits for the disk. Empty if it
// was written; else why not, and then there is no file that was not there before. An existing one
// is never overwritten.
std::string write_new_file(const std::string& path, std::string_view text, mode_t mode);

// Puts the text in the place of an existing file, all at once, with its mode, owner and group.
// Empty, or why nothing was changed. A symbolic link would be replaced itself: resolve it first.
std::string replace_file(const std::string& path, std::string_view text, const struct stat& old);

// Writes all of it. False with errno.
bool write_all(int fd, std::string_view text) noexcept;

}  // namespace sfs
