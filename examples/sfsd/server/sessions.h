// The clients that said who they are (HELLO, nfs/sfs.x), and what is kept for them when their
// channel breaks: the replies that may have been lost with it. Serves stage 5.
//
// A session belongs to one connection at a time, whose rounds use it without a lock. When the
// client comes back on a new connection while the old one is still there, the old one is dropped,
// and the new one gets the session when nothing of the old one runs any more: when it is destroyed,
// it gives the session back.
//
// Thread safety: one color (the default color; it is one of the server's shared tables).
// Invariants: at most `most` sessions without a connection are kept, those that were given back
// last. Each is either here or with one connection.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "examples/sfsd/nfs/protocol.h"
#include "examples/sfsd/server/replay_cache.h"

namespace sfs {

// The number in a HELLO is a secret; what names the client here is a hash of it. So it may be
// looked up in any way, whatever that takes longer for.
using client_number = std::array<char, SFS_CLIENTSIZE>;
client_number hash_of(const char (&secret)[SFS_CLIENTSIZE]);

using connection_number = std::uint64_t;  // never used for two connections; 0 is none

struct client_session {
  client_number number{};
  replay_cache replies;
};

class session_table {
 public:
  explicit session_table(std::size_t most) noexcept : most_(most) {}

  // What a connection gets: its session, and whether it was there before.
  using taker = std::function<void(std::unique_ptr<client_session>, bool resumed)>;

  // Gives the session of this number to `who` by calling `take`: now, or when the connection that
  // has it gives it back. Returns the connections that have it or wait for it already: they are the
  // same client's, which has left them, and should be dropped.
  std::vector<connection_number> claim(const client_number& client, connection_number who,
                                       taker take);

  // A connection that had the session or waited for it is no more. `s` is null if it never got it.
  void give_back(const client_number& client, connection_number who,
                 std::unique_ptr<client_session> s);

  std::size_t parked() const noexcept { return parked_.size(); }

 private:
  struct entry {
    std::unique_ptr<client_session> session;  // null while a connection has it
    connection_number owner = 0, waiting = 0;
    taker take;                                 // of the one that is waiting
    std::list<client_number>::iterator parked;  // if the session is here
  };
  struct hash {
    std::size_t operator()(const client_number& n) const noexcept {
      return std::hash<std::string_view>()({n.data(), n.size()});
    }
  };

  std::size_t most_;
  std::unordered_map<client_number, entry, hash> entries_;
  std::list<client_number> parked_;  // front: given back longest ago
};

}  // namespace sfs
