// All inodes that somebody is interested in: the kernel, until it forgets them, or an operation
// that is under way. One file has one inode, however many names it has. And the trust in what is
// known of them: leases. Serves stage 5.
//
// Attributes and names are believed for as long as the server leases them, counted from when the
// call was sent, or for a second if it leases nothing. Changes are numbered (session::changes()); a
// reply to a call that was sent before a change of the file does not count. What must be told to
// the kernel goes to a `cache_observer`.
//
// Thread safety: one color (the default color).
// Invariants: the table holds no more inodes than the kernel has looked up and operations use, and
// at most max_negative names that are not there.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>
#include <unordered_map>

#include "examples/sfsd/client/pending_call.h"
#include "examples/sfsd/mount/inode.h"

namespace sfs {

// Hears of what the kernel must not believe any more.
class cache_observer {
 public:
  virtual void attributes_changed(const inode& i) = 0;
  virtual void data_changed(const inode& i) = 0;
  virtual void name_changed(const inode& directory, std::string_view name) = 0;

 protected:
  ~cache_observer() = default;
};

class inode_table {
 public:
  using clock = timing::clock;
  static constexpr std::size_t max_negative = 16'384;
  static constexpr std::uint64_t root_id = 1;
  static constexpr std::chrono::seconds without_lease{1};

  // Both must outlive it, and it all of its inodes.
  inode_table(timing& time, cache_observer& observer);
  ~inode_table();

  // The first one becomes the root.
  async::ref<inode> of(const_bytes handle);
  async::ptr<inode> find(std::uint64_t id) const noexcept;
  async::ref<inode> root() const { return async::ref<inode>(root_); }

  // The kernel has been told of the inode once more; it has forgotten it `times` times.
  void looked_up(inode& i);
  void forget(std::uint64_t id, std::uint64_t times);

  // The server has given the file another handle.
  void rename_handle(inode& i, const_bytes handle);

  void set_lease(std::chrono::seconds lease) noexcept {
    leased_ = lease.count() > 0;
    term_ = leased_ ? lease : without_lease;
  }

  // The server was restarted: handles from before may mean nothing to it.
  void restarted() noexcept { ++run_; }
  std::uint64_t run() const noexcept { return run_; }

  // What a reply says of a file. Attributes that do not make sense are not taken: false.
  bool store(inode& i, const fattr3& attributes, const reply_token& token);

  // We have changed the file ourselves: that was the change of this number. `after` is what the
  // reply says of the file now, or null.
  void changed(inode& i, const fattr3* after, const reply_token& token, std::uint64_t number);

  // We have changed it without being told what it is now.
  void distrust_attributes(inode& i, std::uint64_t number) {
    changed(i, nullptr, {}, number);
    observer_.attributes_changed(i);
  }

  // The server says that somebody changed these files; none: any.
  void invalidate(std::span<const const_bytes> handles, std::uint64_t number);

  // How long the kernel may believe the attributes. Not at all while there is data to be written.
  double attributes_timeout(const inode& i) const noexcept;

  // Whether no change of the file has been told since the call with this token was sent.
  bool is_current(const inode& i, const reply_token& token) const noexcept {
    return token.changes >= std::max(i.changed, all_changed_);
  }

  // Notes that the name is the child's (null: nobody's) and returns for how long the kernel may
  // believe that: as long as the directory's attributes if what said so is `current`, else not.
  double link(inode& directory, std::string_view name, inode* child, bool current);
  void unlink(inode& directory, std::string_view name);

  // The call with this token has made the directory: there is nothing in it but what we put there.
  // So it stays until the lease ends, or the server says that somebody has changed it.
  void made_empty(inode& directory, const reply_token& token) noexcept {
    if (leased_ && is_current(directory, token)) directory.complete = token.sent + term_;
  }
  // A call that would have added the name has failed: nobody knows whether it is there. The kernel
  // is told so unless it knows.
  void doubt(inode& directory, std::string_view name, bool kernel_knows);
  // If it is known that there is no such name: for how long the kernel may believe that. Else 0.
  double absence(inode& directory, std::string_view name);
  void move(inode& from, std::string_view name, inode& to, std::string_view new_name);
  inode* child_of(const inode& directory, std::string_view name) const noexcept;
  // One of its paths beneath the root, for messages; its number if it has no name.
  std::string path_of(const inode& i) const;

  // Every inode that the kernel knows.
  template <class F>
  void for_each(F f) const {
    const auto all = kept_;
    for (const auto& [id, i] : all) f(i);
  }

  std::size_t size() const noexcept { return by_id_.size(); }
  timing& time() const noexcept { return time_; }

 private:
  friend inode;
  struct key_hash {
    std::uint64_t seed;
    std::size_t operator()(const file_key& k) const noexcept;
  };
  void remove(inode& i) noexcept;
  void set(inode& i, const fattr3& attributes, const reply_token& token);
  void distrust(inode& i, std::uint64_t number);
  void distrust_names(inode& directory);
  void drop_entry(inode& directory, inode::entries::iterator at) noexcept;
  void bound_negatives();
  double link_nothing(inode& directory, std::string_view name, clock::time_point until);
  double seconds_until(clock::time_point when) const noexcept {
    return std::max(0.0, std::chrono::duration<double>(when - time_.now()).count());
  }
  directory_entry& entry_in(inode& directory, std::string_view name);

  timing& time_;
  cache_observer& observer_;
  bool leased_ = false;
  std::chrono::seconds term_ = without_lease;
  std::uint64_t next_id_ = root_id, run_ = 1;
  std::uint64_t all_changed_ = 0;  // the number of a change of any file
  std::unordered_map<std::uint64_t, inode*> by_id_;
  std::unordered_map<file_key, inode*, key_hash> by_key_;
  std::unordered_map<std::uint64_t, async::ref<inode>> kept_;  // which the kernel knows
  async::ptr<inode> root_;
  boost::intrusive::list<directory_entry> negative_;  // back: the oldest
};

}  // namespace sfs
