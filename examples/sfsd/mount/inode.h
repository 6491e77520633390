// What the mount knows of one file: its handle, its attributes and how long they can be trusted,
// the kernel's interest in it, and under which names it was seen. Serves stage 5.
//
// Thread safety: one color (the default color).
// Invariants: an inode is in the table that made it for as long as anybody holds it. A directory
// entry is in the list of the inode that it names, and goes with it.
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "examples/sfsd/client/timing.h"
#include "examples/sfsd/nfs/protocol.h"
#include "wrap/refcnt.h"

namespace sfs {

class dirty_file;
class inode;
class inode_table;

// A handle, to be a key.
struct file_key {
  file_key() = default;
  explicit file_key(const_bytes handle) noexcept;
  bool operator==(const file_key&) const noexcept = default;
  nfs_fh3 as_handle() noexcept { return {{size, reinterpret_cast<char*>(data.data())}}; }
  const_bytes view() const noexcept { return {data.data(), size}; }

  std::array<std::uint8_t, NFS3_FHSIZE> data{};
  std::uint8_t size = 0;
};

// A name in a directory, as the kernel may know it. Without a child: there is no such name.
struct directory_entry : boost::intrusive::list_base_hook<> {
  inode* directory = nullptr;
  const std::string* name = nullptr;
  inode* child = nullptr;
  timing::clock::time_point until{};  // the kernel may believe it so long
};

class inode final : public async::refcount {
 public:
  using clock = timing::clock;
  using entries = std::map<std::string, directory_entry, std::less<>>;

  inode(inode_table& table, std::uint64_t id, const file_key& key);
  ~inode();

  std::uint64_t id() const noexcept { return id_; }  // never used for another file
  const file_key& key() const noexcept { return key_; }
  bool is_directory() const noexcept { return seen && attributes.type == NF3DIR; }
  bool is_regular() const noexcept { return seen && attributes.type == NF3REG; }
  bool is_trusted(clock::time_point now) const noexcept { return seen && now < until; }

  // The attributes that came last, and the number of the file's last change (session.h).
  bool seen = false;
  fattr3 attributes{};
  clock::time_point until{};    // they are what a GETATTR would give
  clock::time_point watched{};  // till then, the server will have told us of changes
  std::uint64_t changed = 0;

  // Whether what the kernel keeps of the file's data may be older than the file.
  bool data_stale = true;

  // What ACCESS said that we may, and for which state of the file (as_user).
  std::uint32_t allowed = 0;
  std::uint64_t allowed_at = 0;

  unsigned opens = 0;
  std::uint64_t run = 0;  // the server's run for which the handle was made

  // A file that was removed while it was open: the name that it has instead.
  async::ptr<inode> hidden_in;
  std::string hidden_name;

  // Data that was written and that the server may not have on its disk yet (write_behind.h).
  std::unique_ptr<dirty_file> dirty;
  std::uint64_t losses = 0;  // how often the server did not take what was written
  int loss = 0;              // why, the last time

  entries children;                               // of a directory
  clock::time_point complete{};                   // till then, they are all that there is
  unsigned names_changing = 0;                    // calls under way that may add one
  boost::intrusive::list<directory_entry> names;  // the entries that name this file
  // Names in it that only we are to know, and whose they are.
  std::map<std::string, async::ptr<inode>, std::less<>> hidden;

 private:
  friend inode_table;
  inode_table& table_;
  std::uint64_t id_;
  file_key key_;
  std::uint64_t lookups_ = 0;  // that the kernel has not forgotten
};

}  // namespace sfs
