// A server's files, for programs that do one thing at a time: names, attributes, contents, and
// changing them. Blocks; serves no stage.
//
// Thread safety: one thread at a time.
// Invariant: nothing that the server says is believed beyond what the protocol allows it to say.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "examples/sfsd/base/outcome.h"
#include "examples/sfsd/client/calls.h"
#include "examples/sfsd/client/channel.h"
#include "examples/sfsd/nfs/protocol.h"
#include "examples/sfsd/users/agent.h"

namespace sfs {

using file_handle = std::vector<std::uint8_t>;

// Enough for a million files.
inline constexpr std::size_t max_list = 128 << 20;

// What a status means, in words.
std::string status_text(nfsstat3 status);

// Why mount() fails if the server wants to know who we are.
inline constexpr const char* nothing_for_nobody = "the server allows anonymous clients nothing";

// What RPC said instead of a result, in words.
std::string rpc_trouble(const rpc_reply& reply);

// The arguments of a LOGIN.
outcome<LOGINargs> login_arguments(login_signer& signer, const login_statement& statement);

class remote_files {
 public:
  explicit remote_files(std::unique_ptr<client_channel> channel) : channel_(std::move(channel)) {}

  // Proves to the server that we are the user who has this key. From then on all is done as he.
  // Fails with why, which is empty if the server does not want him.
  outcome<std::string> log_in(login_signer& signer);

  outcome<file_handle> mount();
  outcome<file_handle> look_up(file_handle& directory, std::string_view name);
  outcome<fattr3> attributes(file_handle& file);
  outcome<std::string> link_target(file_handle& link);

  // The file at a path beneath the root; names are looked up one by one, symbolic links not
  // followed. Why not begins with the name it is about, unless that is the last one and the caller
  // does not go on behind it: he names the path himself.
  outcome<file_handle> walk(std::string_view path, bool goes_on = false);

  struct entry {
    std::string name;
    std::uint64_t number = 0;
  };
  // Fails if the list would take more than `most` bytes of memory, so that no server can fill ours.
  outcome<std::vector<entry>> list(file_handle& directory, std::size_t most = max_list);

  // Reads the file from `begin` to its end, some pieces ahead; `take(offset, data)` gets each piece
  // once, in any order, and says why if it cannot go on. Returns the file's size; fails if the file
  // changed meanwhile.
  using taker = std::function<std::string(std::uint64_t offset, const_bytes data)>;
  outcome<std::uint64_t> read_all(file_handle& file, std::size_t ahead, const taker& take,
                                  std::uint64_t begin = 0);

  // Each of these returns why it failed, or nothing.

  // Makes a new, empty file, for which there must be no other of that name.
  outcome<file_handle> create(file_handle& directory, std::string_view name, unsigned mode);
  // Writes what `give(buffer)` puts into the buffer, until it gives nothing, and sees to it that
  // the server has it on its disk. `give` says how many bytes it gave, or why it cannot.
  using giver = std::function<outcome<std::size_t>(bytes buffer)>;
  std::string write_all(file_handle& file, std::size_t ahead, const giver& give);
  std::string rename(file_handle& directory, std::string_view from, std::string_view to);
  std::string remove(file_handle& directory, std::string_view name, bool is_directory);

  client_channel& channel() noexcept { return *channel_; }

 private:
  struct piece {
    std::uint32_t xid;
    std::uint64_t offset;
    std::uint32_t count;
  };
  // Sends one call and waits for its result. Empty, or why there is none.
  template <class Result, class Args>
  std::string call(std::uint32_t program, std::uint32_t procedure, bool_t (*routine)(XDR*, Args*),
                   Args& args, Result& result);
  std::string ask(file_handle& file, const piece& p);
  std::string take_piece(std::vector<piece>& under_way, const taker& take);

  // A WRITE that is under way.
  struct written {
    std::uint32_t xid, count;
  };
  std::string take_written(std::deque<written>& under_way, std::optional<std::string>& verifier);

  std::unique_ptr<client_channel> channel_;
  std::uint32_t next_xid_ = 1;
  std::uint32_t user_ = 0;  // what LOGIN gave
  std::uint32_t last_login_ = 0;
};

template <class Result, class Args>
std::string remote_files::call(std::uint32_t program, std::uint32_t procedure,
                               bool_t (*routine)(XDR*, Args*), Args& args, Result& result) {
  const std::uint32_t xid = next_xid_++;
  std::vector<std::uint8_t> message;
  append_call(message, xid, program, procedure, routine, args, user_);
  if (std::string why = channel_->send(message); !why.empty()) return why;
  const auto answer = channel_->receive();
  if (!answer) return answer.why();
  const auto r = parse_reply(*answer);
  if (!r || r->xid != xid) return "the server's reply makes no sense";
  if (r->denied || r->status != rpc_accept::success) return rpc_trouble(*r);
  return result.decode(r->results) ? std::string() : "the server's reply makes no sense";
}

}  // namespace sfs
