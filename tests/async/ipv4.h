// Addresses for the tests of sockets.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>

namespace async::test {

inline sockaddr_in ipv4(const char* address, int port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(static_cast<std::uint16_t>(port));
  inet_pton(AF_INET, address, &result.sin_addr);
  return result;
}

}  // namespace async::test
