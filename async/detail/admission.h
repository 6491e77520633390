// Who is let in: the connections of a server, counted in all and by their addresses, and told when
// it drains. What is behind connection_slot (stage 2).
//
// Thread-safety: all may be called from any thread. The lock is held for a few instructions only,
// but while the table of addresses doubles, and no callback or destructor of others runs under it.
// Invariants: each slot with a place is in one of the two lists, and counted in count_ and, if it
// has an address_, there. An address that counts nothing is not in the table.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/unordered_set.hpp>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "async/server.h"
#include "wrap/detail/adaptive_mutex.h"
#include "wrap/detail/block_cache.h"

namespace async::detail {

// How many connections there are from one network.
struct address_count : pooled<address_count> {
  explicit address_count(std::uint64_t n) noexcept : network(n) {}

  const std::uint64_t network;
  std::size_t connections = 0;
  boost::intrusive::unordered_set_member_hook<
      boost::intrusive::link_mode<boost::intrusive::normal_link>>
      hook;
};
static_assert(sizeof(address_count) <= 32);

class admission : public refcount {
 public:
  enum class verdict { welcome, welcome_and_full, full, too_many_of_address };

  explicit admission(const server_options& options);
  ~admission() override;

  // What is posted when there is room again after a verdict of welcome_and_full, and when all are
  // gone after drain(). Until close(), they are held.
  void on_change(cbv room, cbv gone);

  // Decides on a connection that was accepted; if it is welcome, `slot` is its place. With
  // welcome_and_full it was the last one for which there was room.
  verdict admit(const peer_address& peer, color its_color, connection_slot& slot);

  // From now on, on_drain() calls at once.
  void drain();
  // Tells some of those who do not know yet that the server drains; false if there are none.
  bool tell_some();
  // The server is gone: nobody is told any more.
  void close();

  server::counters count() const;

  // For connection_slot.
  static void move(connection_slot& from, connection_slot& to) noexcept;
  void end(connection_slot& slot) noexcept;
  void register_drain(connection_slot& slot, ptr<refcount> self, void (*call)(refcount&),
                      const color& under, where site);

 private:
  struct visit;
  struct hash_network {
    // Clients choose their networks, but do not know the key.
    std::size_t operator()(std::uint64_t network) const noexcept;
    std::uint64_t key[2];
  };
  struct network_of {
    using type = std::uint64_t;
    const type& operator()(const address_count& a) const noexcept { return a.network; }
  };
  using address_table = boost::intrusive::unordered_set<
      address_count,
      boost::intrusive::member_hook<address_count, decltype(address_count::hook),
                                    &address_count::hook>,
      boost::intrusive::key_of_value<network_of>, boost::intrusive::hash<hash_network>,
      boost::intrusive::power_2_buckets<true>>;
  using bucket_array = std::vector<address_table::bucket_type>;
  using slot_list =
      boost::intrusive::list<connection_slot,
                             boost::intrusive::member_hook<connection_slot, connection_slot::hook,
                                                           &connection_slot::hook_>,
                             boost::intrusive::constant_time_size<false>>;

  address_count* count_address(const peer_address& peer);  // null if it has too many
  void grow();
  void uncount_address(address_count* a) noexcept;
  void tell(connection_slot& slot);

  const server_options options_;

  mutable adaptive_mutex mutex_;

  // Guarded by mutex_.
  server::counters count_;
  callback<void>::ptr room_, gone_;
  bool full_ = false;  // somebody waits for room
  bool draining_ = false;
  bool closed_ = false;
  slot_list untold_, told_;  // that the server drains
  bucket_array buckets_;     // before addresses_, which needs them
  address_table addresses_;
};

}  // namespace async::detail
