// The calls that come before a load: they find the file, make files to write to, and find out how
// long a reply is. They block. Serves no stage.
//
// Thread safety: one thread at a time.
// Invariant: no reply is awaited when a wire is made of the connection.
#pragma once

#include <memory>
#include <string>

#include "examples/sfsd/client/channel.h"
#include "examples/sfsd/client/remote.h"
#include "examples/sfsd/load/wire.h"

namespace sfs {

class load_setup {
 public:
  // `signer` logs us in; null: we are nobody.
  static outcome<load_setup> sealed(const self_certifying_path& path, const client_options& o,
                                    login_signer* signer);
  // Plain NFS over TCP, as other servers speak it.
  static outcome<load_setup> plain(const server_location& where);

  // The root of an export; a plain server may have MOUNT on another port than NFS.
  outcome<file_handle> mount(std::string_view directory);
  outcome<file_handle> look_up(file_handle& directory, std::string_view name);
  // Each name of the path is looked up, one after the other.
  outcome<file_handle> walk(file_handle from, std::string_view path);
  outcome<std::uint64_t> size_of(file_handle& file);
  // A new and empty file, or an old one that is empty now.
  outcome<file_handle> create(file_handle& directory, std::string_view name);

  // Sends a call, record mark in front, and returns its reply without one; valid until the next
  // call.
  outcome<const_bytes> exchange(const_bytes call);

  // The credentials that calls need here (append_call): what LOGIN gave, 0 without one.
  std::uint32_t user() const noexcept { return user_; }

  // The connection; nothing can be called any more.
  load_wire take_wire(replies r);

 private:
  load_setup() = default;
  std::string log_in(login_signer& signer);
  outcome<const_bytes> exchange_plainly(const_bytes call);
  template <class Result, class Args>
  std::string call(std::uint32_t program, std::uint32_t procedure, bool_t (*routine)(XDR*, Args*),
                   Args& args, Result& result);

  std::unique_ptr<client_channel> channel_;
  fd_owner plain_;  // without a channel
  std::vector<std::uint8_t> reply_;
  std::uint32_t next_xid_ = 1;
  std::uint32_t user_ = 0;
};

// What a new file of a load is to be: empty, and its owner's to read and write.
sattr3 new_file_attributes() noexcept;

}  // namespace sfs
