// A server's files, for programs that do one thing at a time: names, attributes, contents. Blocks;
// serves no stage.
//
// Thread safety: one thread at a time.
// Invariant: nothing that the server says is believed beyond what the protocol allows it to say.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/client/channel.h"
#include "examples/sfsd/nfs/protocol.h"

namespace sfs {

using file_handle = std::vector<std::uint8_t>;

// Enough for a million files.
inline constexpr std::size_t max_list = 128 << 20;

// What a status means, in words.
std::string status_text(nfsstat3 status);

class remote_files {
 public:
  explicit remote_files(std::unique_ptr<client_channel> channel) : channel_(std::move(channel)) {}

  outcome<file_handle> mount();
  outcome<file_handle> look_up(file_handle& directory, std::string_view name);
  outcome<fattr3> attributes(file_handle& file);
  outcome<std::string> link_target(file_handle& link);

  // The file at a path beneath the root; names are looked up one by one, symbolic links not
  // followed.
  outcome<file_handle> walk(std::string_view path);

  struct entry {
    std::string name;
    std::uint64_t number = 0;
  };
  // Fails if the list would take more than `most` bytes of memory, so that no server can fill ours.
  outcome<std::vector<entry>> list(file_handle& directory, std::size_t most = max_list);

  // Reads the whole file, some pieces ahead; `take(offset, data)` gets each piece once, in any
  // order, and says why if it cannot go on. Returns the file's size; fails if the file changed
  // meanwhile.
  using taker = std::function<std::string(std::uint64_t offset, const_bytes data)>;
  outcome<std::uint64_t> read_all(file_handle& file, std::size_t ahead, const taker& take);

  client_channel& channel() noexcept { return *channel_; }

 private:
  struct piece {
    std::uint32_t xid;
    std::uint64_t offset;
    std::uint32_t count;
  };
  template <class Result, class Args>
  std::string call(std::uint32_t program, std::uint32_t procedure, bool_t (*routine)(XDR*, Args*),
                   Args& args, Result& result);
  std::string ask(file_handle& file, const piece& p);
  std::string take_piece(std::vector<piece>& under_way, const taker& take);

  std::unique_ptr<client_channel> channel_;
  std::uint32_t next_xid_ = 1;
};

}  // namespace sfs
