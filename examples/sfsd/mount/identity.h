// Whose the files are: how users' numbers here and on the server belong together. Serves stage 5.
//
//   as_root  the server takes us for root: the numbers mean the same on both sides, this machine's
//            kernel decides who may do what, and new files are given to who made them.
//   as_user  the server decides, and knows us as one user, whatever his number is here.
//
// Thread safety: constant once made.
// Invariant: to_server(to_us(n)) == n for the user's own numbers.
#pragma once

#include <cstdint>

namespace sfs {

struct identity {
  bool as_root = false;
  bool mapped = false;  // the server has said what the user's numbers are there
  std::uint32_t uid_here = 0, gid_here = 0;
  std::uint32_t uid_there = 0, gid_there = 0;

  std::uint32_t uid_to_us(std::uint32_t n) const noexcept {
    return mapped && !as_root && n == uid_there ? uid_here : n;
  }
  std::uint32_t gid_to_us(std::uint32_t n) const noexcept {
    return mapped && !as_root && n == gid_there ? gid_here : n;
  }
  std::uint32_t uid_to_server(std::uint32_t n) const noexcept {
    return mapped && !as_root && n == uid_here ? uid_there : n;
  }
  std::uint32_t gid_to_server(std::uint32_t n) const noexcept {
    return mapped && !as_root && n == gid_here ? gid_there : n;
  }
};

}  // namespace sfs
