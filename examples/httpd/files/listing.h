// A directory as a page of links. Serves stage 5.
//
// Thread safety: any thread; waits for the disk.
#pragma once

#include <optional>
#include <string>

#include "examples/sfsd/base/fd.h"

namespace httpd {

// So many names it has at most.
constexpr std::size_t max_listed = 10'000;

// The names in the directory in order, those of directories with a slash, without those that begin
// with a dot unless `dotfiles`. Takes over the descriptor; nothing if it can't be read.
std::optional<std::string> listing(const std::string& path, sfs::fd_owner directory, bool dotfiles);

}  // namespace httpd
