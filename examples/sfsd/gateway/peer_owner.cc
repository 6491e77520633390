// See peer_owner.h.
#include "examples/sfsd/gateway/peer_owner.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <cstdio>

#include "examples/sfsd/base/fd.h"

namespace sfs {
namespace {

constexpr std::size_t most_of_a_table = 64 << 20;
constexpr std::string_view established = "01";

// The columns of a line up to the inode.
enum column { number, local, remote, state, queues, timer, retransmits, owner, timeout, inode };
constexpr std::size_t columns = inode + 1;

// An address as the kernel prints it: words of memory, in hexadecimal.
std::string printed(const sockaddr_in& a, tcp_table kind) {
  char text[64];
  if (kind == tcp_table::ipv4) {
    std::snprintf(text, sizeof text, "%08X:%04X", a.sin_addr.s_addr, ntohs(a.sin_port));
  } else {
    std::snprintf(text, sizeof text, "%08X%08X%08X%08X:%04X", 0u, 0u, htonl(0xffff),
                  a.sin_addr.s_addr, ntohs(a.sin_port));
  }
  return text;
}

// False if there are fewer columns.
bool split(std::string_view line, std::array<std::string_view, columns>& to) {
  for (std::string_view& word : to) {
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos) return false;
    line.remove_prefix(begin);
    word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
  }
  return true;
}

template <class Number>
bool parse(std::string_view text, Number& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && end == text.data() + text.size();
}

outcome<std::string> read_table(const char* path) {
  const fd_owner file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file) return failure{std::string(path) + ": " + system_reason()};
  std::string text;
  char buffer[16384];
  while (text.size() < most_of_a_table) {
    const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failure{std::string(path) + ": " + system_reason()};
    if (n == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return failure{std::string(path) + " is too long"};
}

outcome<tcp_pair> addresses_of(int fd) {
  tcp_pair p;
  socklen_t theirs = sizeof p.theirs, ours = sizeof p.ours;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&p.theirs), &theirs) < 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&p.ours), &ours) < 0)
    return failure{system_reason()};
  if (p.theirs.sin_family != AF_INET || p.ours.sin_family != AF_INET)
    return failure{"it is no IPv4 connection"};
  return p;
}

outcome<found_owner> search_tables(const tcp_pair& pair) {
  found_owner all;
  for (const auto& [path, kind] : {std::pair{"/proc/self/net/tcp", tcp_table::ipv4},
                                   std::pair{"/proc/self/net/tcp6", tcp_table::ipv6}}) {
    const auto table = read_table(path);
    if (!table && kind == tcp_table::ipv6) continue;  // a machine without IPv6
    if (!table) return table.as_failure();
    const found_owner here = owner_in(*table, kind, pair);
    if (here.count > 0) all.owner = here.owner;
    all.count += here.count;
  }
  return all;
}

}  // namespace

found_owner owner_in(std::string_view table, tcp_table kind, const tcp_pair& pair) {
  const std::string theirs = printed(pair.theirs, kind), ours = printed(pair.ours, kind);
  found_owner found;
  while (!table.empty()) {
    const std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(line.size() + 1, table.size()));
    std::array<std::string_view, columns> words;
    if (!split(line, words) || words[local] != theirs || words[remote] != ours) continue;
    uid_t user = 0;
    std::uint64_t node = 0;
    if (words[state] != established || !parse(words[owner], user) || !parse(words[inode], node) ||
        node == 0)
      continue;
    ++found.count;
    found.owner = user;
  }
  return found;
}

outcome<uid_t> owner_of_peer(int fd) {
  const auto pair = addresses_of(fd);
  if (!pair) return pair.as_failure();
  // The kernel prints a page at a time, and what other sockets come and go meanwhile may hide one,
  // or show it twice.
  for (int tries = 0; tries < 10; ++tries) {
    const auto found = search_tables(*pair);
    if (!found) return found.as_failure();
    if (found->count == 1) return found->owner;
  }
  return failure{"no process, or more than one, holds the other end"};
}

std::string text_of(const sockaddr_in& address) {
  char text[INET_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  return std::string(text) + " port " + std::to_string(ntohs(address.sin_port));
}

}  // namespace sfs
