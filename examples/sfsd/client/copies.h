// Copying files from and to a server, as `sfs get`, `put` and `cat` do. Blocks; serves no stage.
//
// Thread safety: one thread at a time.
// Invariant: under the name that was given there is the old file or the whole new one.
#pragma once

#include <string>
#include <string_view>

#include "examples/sfsd/client/progress.h"
#include "examples/sfsd/client/remote.h"

namespace sfs {

// Why a copy did not happen, and with which of its two ends that has to do.
struct copy_trouble {
  bool is_local = false;
  std::string why;  // empty: there was none
};

struct copy_options {
  bool resume = false;
  progress::when show = progress::when::on_a_terminal;
};

// Copies the file at a path beneath the server's root to a file here; "-" is standard output.
copy_trouble get(remote_files& files, std::string_view path, const std::string& to,
                 const copy_options& o);

// Copies a file from here; "-" is standard input. The path names the new file, or one that is
// replaced.
copy_trouble put(remote_files& files, const std::string& from, std::string_view path,
                 const copy_options& o);

// A path as a directory and a name in it: "a/b/c" is "a/b" and "c".
std::pair<std::string_view, std::string_view> directory_and_name(std::string_view path) noexcept;

}  // namespace sfs
