// An internet address with its port, of either family (stage 2).
//
//   async::address a;
//   if (!a.parse("::1", 53)) ...
//   sendto(fd, data, size, 0, a.get(), a.size());
//
// Thread-safety: a value.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace async {

class address {
 public:
  // None.
  address() noexcept = default;
  // A copy of what is there, such as what accept(2) or recvfrom(2) gave.
  address(const sockaddr* from, socklen_t size) noexcept {
    if (size <= sizeof storage_) std::memcpy(&storage_, from, size);
  }

  // From a numeric address such as 127.0.0.1 or ::1; false if it is none.
  bool parse(const std::string& text, std::uint16_t port) noexcept {
    storage_ = {};
    if (inet_pton(AF_INET, text.c_str(), &v4().sin_addr) == 1) {
      v4().sin_family = AF_INET;
    } else if (inet_pton(AF_INET6, text.c_str(), &v6().sin6_addr) == 1) {
      v6().sin6_family = AF_INET6;
    } else {
      return false;
    }
    set_port(port);
    return true;
  }

  // What `fd` is bound to; false if that is no internet address.
  bool of_socket(int fd) noexcept {
    socklen_t size = sizeof storage_;
    return getsockname(fd, reinterpret_cast<sockaddr*>(&storage_), &size) == 0 &&
           (family() == AF_INET || family() == AF_INET6);
  }

  // Numeric, without the port; "" of none.
  std::string text() const {
    char buffer[INET6_ADDRSTRLEN];
    const void* const raw = family() == AF_INET ? static_cast<const void*>(&v4().sin_addr)
                                                : static_cast<const void*>(&v6().sin6_addr);
    const char* const made = inet_ntop(family(), raw, buffer, sizeof buffer);
    return made != nullptr ? made : "";
  }

  // The port is at the same place in both.
  void set_port(std::uint16_t port) noexcept { v4().sin_port = htons(port); }
  std::uint16_t port() const noexcept {
    return ntohs(reinterpret_cast<const sockaddr_in&>(storage_).sin_port);
  }
  // AF_INET or AF_INET6; AF_UNSPEC of none.
  int family() const noexcept { return storage_.ss_family; }
  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const noexcept {
    return family() == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  }

 private:
  sockaddr_in& v4() noexcept { return reinterpret_cast<sockaddr_in&>(storage_); }
  sockaddr_in6& v6() noexcept { return reinterpret_cast<sockaddr_in6&>(storage_); }
  const sockaddr_in& v4() const noexcept { return reinterpret_cast<const sockaddr_in&>(storage_); }
  const sockaddr_in6& v6() const noexcept {
    return reinterpret_cast<const sockaddr_in6&>(storage_);
  }
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));

  sockaddr_storage storage_{};
};

}  // namespace async
