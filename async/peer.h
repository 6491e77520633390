// The address at a connection's other end (stage 2).
//
// Thread-safety: a value.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>

namespace async {

class peer_address {
 public:
  // None, as that of a Unix socket's client.
  peer_address() noexcept = default;
  // From what the kernel gives. An IPv4 address in IPv6's clothes (::ffff:192.0.2.1) is one of
  // IPv4; a family that is neither is none.
  peer_address(const sockaddr* from, socklen_t size) noexcept;

  // The peer of a connected socket; none if it is not connected (any more).
  static peer_address of(int fd) noexcept;

  // AF_INET, AF_INET6, or AF_UNSPEC if there is none.
  int family() const noexcept { return family_; }
  std::uint16_t port() const noexcept { return port_; }

  // "192.0.2.1:4433", "[2001:db8::1]:4433"; "a local client" if there is none.
  std::string text() const;

  // What names the network that the first bits of the address are, of 32 or 64 at most: two
  // addresses have the same number if they are of one family and these bits are the same.
  std::uint64_t network(unsigned ipv4_bits = 32, unsigned ipv6_bits = 64) const noexcept;

  friend bool operator==(const peer_address&, const peer_address&) noexcept = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};  // IPv4's are the first four
  std::uint32_t scope_ = 0;
  std::uint16_t port_ = 0;
  sa_family_t family_ = AF_UNSPEC;
};

}  // namespace async
