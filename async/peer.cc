// See peer.h. Serves stage 2.
#include "async/peer.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace async {

peer_address::peer_address(const sockaddr* from, socklen_t size) noexcept {
  if (size < sizeof from->sa_family) return;
  if (from->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in v4;
    std::memcpy(&v4, from, sizeof v4);
    family_ = AF_INET;
    port_ = ntohs(v4.sin_port);
    std::memcpy(bytes_.data(), &v4.sin_addr, sizeof v4.sin_addr);
  } else if (from->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6;
    std::memcpy(&v6, from, sizeof v6);
    port_ = ntohs(v6.sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      family_ = AF_INET;
      std::copy_n(v6.sin6_addr.s6_addr + 12, 4, bytes_.begin());
    } else {
      family_ = AF_INET6;
      scope_ = v6.sin6_scope_id;
      std::copy_n(v6.sin6_addr.s6_addr, bytes_.size(), bytes_.begin());
    }
  }
}

peer_address peer_address::of(int fd) noexcept {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  return getpeername(fd, address, &size) == 0 ? peer_address(address, size) : peer_address();
}

std::string peer_address::text() const {
  if (family_ == AF_UNSPEC) return "a local client";
  char digits[INET6_ADDRSTRLEN];
  inet_ntop(family_, bytes_.data(), digits, sizeof digits);
  std::string result = digits;
  char name[IF_NAMESIZE];
  if (scope_ != 0) {
    result += '%';
    result += if_indextoname(scope_, name) != nullptr ? name : std::to_string(scope_);
  }
  if (family_ == AF_INET6) result = '[' + result + ']';
  return result + ':' + std::to_string(port_);
}

std::uint64_t peer_address::network(unsigned ipv4_bits, unsigned ipv6_bits) const noexcept {
  std::uint64_t number = 0;
  const bool v4 = family_ == AF_INET;
  const unsigned most = v4 ? 32 : 64;
  for (unsigned i = 0; i < most / 8; ++i) number = number << 8 | bytes_[i];
  const unsigned dropped = most - std::min(most, v4 ? ipv4_bits : ipv6_bits);
  number = dropped >= 64 ? 0 : number >> dropped << dropped;
  // IPv4 takes the place of the networks 0:1::/32, which nobody can have (RFC 4291: 0::/8).
  return v4 ? number | std::uint64_t{1} << 32 : number;
}

}  // namespace async
