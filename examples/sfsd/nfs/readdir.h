// READDIR and READDIRPLUS: a piece of a directory, from a cookie on. The cookies are the file
// system's own positions, so the server keeps nothing between calls. Serves stage 5; reads the
// directory, which may block.
//
// Thread safety: one thread (or color) at a time per object; the object owns what it returns.
// Invariant: what is returned fits, encoded, into the number of bytes that the client allowed.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "examples/sfsd/nfs/context.h"
#include "examples/sfsd/nfs/protocol.h"

namespace sfs {

inline constexpr std::uint32_t readdir_max_reply = 32768;

class directory_page {
 public:
  enum class with : std::uint8_t { names, attributes };

  // Reads entries behind `cookie` (0: from the beginning) until the client's `count` is used up.
  nfsstat3 read(const call_context& c, const located& directory, std::uint64_t cookie,
                std::uint32_t count, with what);

  // The entries as a list for XDR; valid while this object is. Each for what was read.
  dirlist3 list() noexcept;
  dirlistplus3 list_plus() noexcept;

 private:
  nfsstat3 take(const std::uint8_t* buffer, std::size_t size, std::uint64_t number_of_parent);
  void look_up_all(const call_context& c, const located& directory);

  std::vector<std::uint8_t> buffer_;
  std::vector<entry3> entries_;
  std::vector<entryplus3> plus_;
  std::deque<sealed_handle> handles_;
  std::size_t entry_overhead_ = 0;  // bytes of XDR that an entry takes beside its name
  std::size_t budget_ = 0;          // bytes of XDR that the entries may still take
  bool full_ = false;
  bool eof_ = false;
};

struct readdir_result {
  READDIR3res res;
  directory_page page;
};
void read_directory(const call_context&, READDIR3args&, readdir_result&);

struct readdirplus_result {
  READDIRPLUS3res res;
  directory_page page;
};
void read_directory_plus(const call_context&, READDIRPLUS3args&, readdirplus_result&);

}  // namespace sfs
