// Attributes that the server has leased: as long as it does not say that a file was changed, and
// the lease lasts, they are what a GETATTR would give. Serves stage 5 of client programs.
//
//     cache.store(handle, attributes, reply.token);       // from any reply
//     if (const fattr3* a = cache.find(handle)) ...       // instead of a GETATTR
//     cache.invalidate(files, number);                    // session_events::invalidated
//     cache.changed(file, after, reply.token, session.count_change());  // our own WRITE, SETATTR
//
// A reply may have been overtaken: its attributes are from before a change of which we have already
// been told. So each change has a number (session::changes()), each reply has the number of the
// last change that had been told when its call was sent, and attributes that are older than what
// happened to their file are not taken. The numbers of changes are kept with the attributes, and if
// they have to make room, then everything as old as they counts as too old.
//
// Thread safety: one color (the default color).
// Invariants: at most `most` files are remembered; find() never gives what was changed after the
// call was sent that brought it, nor what is older than the lease.
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

#include "examples/sfsd/client/pending_call.h"
#include "examples/sfsd/client/timing.h"
#include "examples/sfsd/nfs/protocol.h"

namespace sfs {

class lease_cache {
 public:
  explicit lease_cache(timing& time, std::size_t most = 65'536);
  ~lease_cache();

  // How long attributes are good, from the time when their call was sent. With 0 nothing is kept.
  void set_lease(std::chrono::seconds lease);

  void store(const_bytes handle, const fattr3& attributes, const reply_token& token);

  // Valid until the next call of this class; null if there are none.
  const fattr3* find(const_bytes handle);

  // What an ACCESS said: of these bits that were asked, those are granted. It is good as long as
  // the file's attributes are, if they are known. All calls must be one user's.
  void store_access(const_bytes handle, std::uint32_t asked, std::uint32_t granted,
                    const reply_token& token);
  // Which of these bits are granted; empty if that is not known of all of them.
  std::optional<std::uint32_t> find_access(const_bytes handle, std::uint32_t asked);

  // The change of that number was a change of these files; of none: of any.
  void invalidate(std::span<const const_bytes> handles, std::uint64_t number);

  // We have changed the file ourselves. `after` is what the reply said of it; may be null.
  void changed(const_bytes handle, const fattr3* after, const reply_token& token,
               std::uint64_t number);

  // We have changed a file whose handle is not known, but which has lost a name.
  void changed_links(std::uint64_t number);

  // Forgets everything.
  void clear(std::uint64_t number);

  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct key {
    explicit key(const_bytes handle) noexcept;
    bool operator==(const key&) const noexcept = default;
    std::array<std::uint8_t, NFS3_FHSIZE> data{};
    std::uint8_t size;
  };
  // Seeded, because the server chooses the handles.
  struct hash {
    std::uint64_t seed[2];
    std::size_t operator()(const key& k) const noexcept;
  };
  struct entry : boost::intrusive::list_base_hook<> {
    const key* where = nullptr;
    std::uint64_t changed = 0;  // the number of the file's last change
    bool known = false;         // the attributes are
    timing::clock::time_point until{};
    fattr3 attributes{};
    std::uint32_t access_asked = 0, access_granted = 0;
  };

  entry* find_known(const_bytes handle);
  entry& entry_of(const_bytes handle);
  void set(entry& e, const fattr3& attributes, const reply_token& token);
  void unset(entry& e) noexcept;
  static bool has_links(const entry& e) noexcept;
  static bool fits(const_bytes handle) noexcept { return handle.size() <= NFS3_FHSIZE; }

  timing& time_;
  std::size_t most_;
  std::chrono::seconds lease_{};
  std::uint64_t all_changed_ = 0;  // the number of a change of any file
  std::size_t linked_ = 0;         // files here that have several names
  std::unordered_map<key, entry, hash> entries_;
  boost::intrusive::list<entry> recent_;  // the one that was used last is in front
};

}  // namespace sfs
