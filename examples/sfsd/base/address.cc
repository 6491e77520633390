// See address.h.
#include "examples/sfsd/base/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace sfs {

std::string peer_address(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  char host[NI_MAXHOST], port[NI_MAXSERV];
  auto* const address = reinterpret_cast<sockaddr*>(&peer);
  if (::getpeername(fd, address, &size) < 0 ||
      ::getnameinfo(address, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "?";
  const std::string text = host;
  const bool six = peer.ss_family == AF_INET6;
  // An IPv4 client of a socket for both.
  if (six && text.starts_with("::ffff:")) return text.substr(7) + ":" + port;
  return (six ? "[" + text + "]" : text) + ":" + port;
}

}  // namespace sfs
