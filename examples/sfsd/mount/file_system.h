// The mounted file system: the kernel's requests become calls of NFS, and their results answers.
// Serves stage 5.
//
// One file for each kind of request: lookups.cc, set_attributes.cc, creations.cc, removals.cc,
// files.cc, reading.cc, directories.cc; data_target.cc sends what was written, and revival.cc finds
// files again after the server was restarted. What is known of files is in inode_table.h, what was
// written and not yet sent in write_behind.h.
//
// Thread safety: one color (the default color).
// Invariant: each request is answered once, when the calls that it needs have been answered.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "examples/sfsd/mount/attributes.h"
#include "examples/sfsd/mount/calls.h"
#include "examples/sfsd/mount/identity.h"
#include "examples/sfsd/mount/notifier.h"
#include "examples/sfsd/mount/open_directory.h"
#include "examples/sfsd/mount/request.h"
#include "examples/sfsd/mount/write_behind.h"

namespace sfs {

// What the server said about its file system.
struct served {
  file_key root;
  std::string root_path;  // in the server's names; begins with '/' unless it is empty
  identity who;
  std::uint32_t read_size = 65'536, write_size = 65'536, directory_size = 32'768;
  std::uint32_t longest_name = 255;
};

using request_ref = async::ref<request>;
using inode_ref = async::ref<inode>;

class kernel_file;

class file_system final : private write_target {
 public:
  // The session and the time must outlive it.
  file_system(session& s, timing& time, served what, unsigned login, write_limits limits = {});
  ~file_system();

  notifier& kernel() noexcept { return notifier_; }
  write_behind& writes() noexcept { return writes_; }
  inode_table& inodes() noexcept { return inodes_; }

  // The session's events.
  void connected();
  void disconnected() { interruptions_.set_connected(false); }
  void room() { calls_.room(); }
  void restarted();
  void invalidated(std::span<const const_bytes> files, std::uint64_t number) {
    inodes_.invalidate(files, number);
  }

  // Unmounted: removes what has only hidden names, brings everything to the server's disk, and then
  // calls back. Does not wait for other calls that are under way: nobody does any more.
  void finish(std::function<void()> done);
  // The paths of files of which the server may not have on its disk what programs have written and
  // were not told about: it has not yet, or since finish() it has refused it.
  std::vector<std::string> unstored() const;
  // Whether the server still has files under hidden names.
  bool has_hidden() const;

  // The kernel's requests.
  void look_up(request_ref r, std::uint64_t directory, std::string_view name);
  void forget(std::uint64_t id, std::uint64_t times) { inodes_.forget(id, times); }
  void get_attributes(request_ref r, std::uint64_t id);
  void set_attributes(request_ref r, std::uint64_t id, const struct stat& wanted, int to_set);
  void access(request_ref r, std::uint64_t id, int mask);
  void read_link(request_ref r, std::uint64_t id);
  void statistics(request_ref r, std::uint64_t id);

  void make_node(request_ref r, std::uint64_t directory, std::string_view name, mode_t mode,
                 dev_t device);
  void make_directory(request_ref r, std::uint64_t directory, std::string_view name, mode_t mode);
  void make_symbolic_link(request_ref r, const char* target, std::uint64_t directory,
                          std::string_view name);
  void make_link(request_ref r, std::uint64_t id, std::uint64_t directory, std::string_view name);
  void create(request_ref r, std::uint64_t directory, std::string_view name, mode_t mode,
              const fuse_file_info& info);

  void remove(request_ref r, std::uint64_t directory, std::string_view name);
  void remove_directory(request_ref r, std::uint64_t directory, std::string_view name);
  void rename(request_ref r, std::uint64_t from, std::string_view name, std::uint64_t to,
              std::string_view new_name, unsigned flags);

  void open(request_ref r, std::uint64_t id, const fuse_file_info& info);
  void release(request_ref r, std::uint64_t id, const fuse_file_info& info);
  void flush(request_ref r, std::uint64_t id, const fuse_file_info& info);
  void sync(request_ref r, std::uint64_t id, const fuse_file_info& info);
  void write(request_ref r, std::uint64_t id, std::uint64_t offset, const_bytes data,
             async::ptr<write_block> owner, const fuse_file_info& info);
  void read(request_ref r, std::uint64_t id, std::uint64_t offset, std::size_t size);

  void open_directory_of(request_ref r, std::uint64_t id, const fuse_file_info& info);
  void read_directory(request_ref r, const fuse_file_info& info, std::uint64_t offset,
                      std::size_t size, bool with_attributes);
  void release_directory(request_ref r, const fuse_file_info& info);
  void sync_directory(request_ref r, std::uint64_t id);

 private:
  // What most requests begin with: the inode, or the answer that there is none.
  async::ptr<inode> needed(request& r, std::uint64_t id);
  async::ptr<inode> needed(request& r, std::uint64_t directory, std::string_view name);
  static nfs_fh3 handle_of(const inode_ref& i) noexcept;
  static diropargs3 place(const inode_ref& directory, const std::string& name) noexcept;

  // lookups.cc
  void learn(inode& i, const post_op_attr& a, const reply_token& token);
  void with_attributes(const inode_ref& i, const post_op_attr& a, const reply_token& token,
                       std::function<void(int error)> done);
  void fetch_attributes(const inode_ref& i, std::function<void(int error)> done,
                        unsigned tries = 5);
  void look_up_child(const inode_ref& directory, const std::string& name,
                     std::function<void(int error, async::ptr<inode> child, bool current)> done);
  fuse_entry_param entry_for(const inode_ref& directory, std::string_view name,
                             const inode_ref& child, bool current);
  double absence(inode& directory, std::string_view name);
  void ask_access(const inode_ref& i, std::function<void(int error)> done);

  // creations.cc
  using made = std::function<void(int error, async::ptr<inode> child, bool current)>;
  made adding(const inode_ref& directory, const std::string& name, made done);
  template <std::uint32_t Procedure, class Fill>
  void make_object(const inode_ref& directory, const std::string& name, Fill fill, made then);
  made entry_answer(request_ref r, const inode_ref& directory, const std::string& name);
  void create_file(const inode_ref& directory, const std::string& name, const sattr3& first,
                   made done);

  // removals.cc
  void hide(const inode_ref& directory, const std::string& name, const inode_ref& child,
            std::function<void(int error)> done);
  void remove_name(const inode_ref& directory, const std::string& name,
                   std::function<void(int error)> done);
  void remove_hidden(const inode_ref& i);
  void move_hidden(const inode_ref& from, const inode_ref& to, std::function<void()> done);
  void remove_directory_now(request_ref r, const inode_ref& directory, const std::string& name,
                            bool again);
  void link_hidden(const inode_ref& directory, const inode_ref& child,
                   std::function<void(int error)> done);
  void rename_now(request_ref r, const inode_ref& from, const std::string& name,
                  const inode_ref& to, const std::string& new_name);
  void renamed(answer<NFSPROC3_RENAME>& a, const inode_ref& from, const std::string& name,
               const inode_ref& to, const std::string& new_name);
  static std::string hidden_name();

  // files.cc
  void open_checked(request_ref r, const inode_ref& i, fuse_file_info info);
  void opened(request_ref r, const inode_ref& i, fuse_file_info info);
  void closed(const inode_ref& i);
  void change_attributes(const inode_ref& i, const sattr3& wanted,
                         std::function<void(int error)> done);
  static int loss_of(kernel_file& f) noexcept;

  // reading.cc
  struct reading;
  void ask_piece(std::shared_ptr<reading> all, std::size_t at, std::size_t size);
  void piece_arrived(std::shared_ptr<reading> all, std::size_t at, std::size_t size,
                     const call_reply& r);

  // directories.cc
  void fetch_entries(request_ref r, std::shared_ptr<open_directory> d, std::uint64_t cookie,
                     std::size_t size, bool with_attributes);
  void give_entries(request_ref r, std::shared_ptr<open_directory> d, std::uint64_t cookie,
                    std::size_t size, bool with_attributes);
  bool add_entry(request& r, open_directory& d, const open_directory::entry& e,
                 bool with_attributes, entries_page& page);

  // data_target.cc
  void write(const inode_ref& i, const dirty_file::flight& f, stable_how how, done d) override;
  void commit(const inode_ref& i, done d) override;
  void data_lost(inode& i) override;

  // revival.cc
  void revive(const files_named& files, std::function<void(bool changed)> done);
  void revive(const inode_ref& i, std::function<void(bool changed)> done);
  void revive_in(const inode_ref& i, const inode_ref& directory, const std::string& name,
                 std::function<void(bool changed)> done);

  session& session_;
  unsigned login_;
  served what_;
  notifier notifier_;
  inode_table inodes_;
  nfs_calls calls_;
  interrupted_requests interruptions_;
  write_behind writes_;
  bool finishing_ = false;
  std::vector<std::string> refused_;  // since then
};

// An open file of the kernel's. The kernel is given a handle to it.
class kernel_file final : public async::refcount {
 public:
  using ref = async::ref<kernel_file>;
  explicit kernel_file(const inode_ref& i) : of(i), losses(i->losses) {}
  static ref& of_info(const fuse_file_info& f) noexcept { return *reinterpret_cast<ref*>(f.fh); }

  const inode_ref of;
  std::uint64_t losses;  // of which it has been told
};

}  // namespace sfs
