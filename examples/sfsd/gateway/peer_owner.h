// Whose process is at the other end of a loopback connection? The kernel tells it of Unix sockets,
// and of TCP ones only in its tables, /proc/net/tcp and tcp6. Serves stage 2.
//
// What is looked for is the other end's socket: its local address is our remote one. It must be
// established, and held by a process: of a socket that was closed the tables say that its owner is
// 0, so whoever closes quickly enough would pass for root.
//
// Thread safety: pure functions, but for reading the tables.
// Invariant: a table in which the socket is not found exactly once names nobody.
#pragma once

#include <netinet/in.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "examples/sfsd/base/outcome.h"

namespace sfs {

struct tcp_pair {
  sockaddr_in theirs{}, ours{};
};

enum class tcp_table : bool { ipv4, ipv6 };  // in the latter, IPv4 addresses are mapped ones

// How many sockets the table has that are the other end's, and the owner of the last. Lines that
// are not as they should be are passed over.
struct found_owner {
  unsigned count = 0;
  uid_t owner = 0;
};
found_owner owner_in(std::string_view table, tcp_table kind, const tcp_pair& pair);

// The user of the process at the other end of a connected socket; fails with why.
outcome<uid_t> owner_of_peer(int fd);

// "127.0.0.1 port 40000", for messages.
std::string text_of(const sockaddr_in& address);

}  // namespace sfs
