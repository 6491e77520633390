// The tests' name server: see name_server.h.
#include "tests/async/name_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "async/async.h"

namespace async::test {

namespace {

constexpr int type_a = 1, type_ptr = 12, type_aaaa = 28;

std::string two_bytes(std::size_t n) {
  return {static_cast<char>(n >> 8), static_cast<char>(n & 0xff)};
}

unsigned byte_at(const std::string& s, std::size_t i) {
  return static_cast<unsigned char>(s.at(i));
}

// As on the wire: a length before each label, and an empty one.
std::string labels(const std::string& name) {
  std::string made;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find('.', at), name.size());
    made += static_cast<char>(end - at) + name.substr(at, end - at);
    at = end + 1;
  }
  return made + '\0';
}

std::string record(int type, const std::string& data) {
  return two_bytes(0xc00c) + two_bytes(static_cast<std::size_t>(type)) + two_bytes(1) +
         std::string(4, '\0') + two_bytes(data.size()) + data;
}

}  // namespace

name_server::name_server(const dns_options& options) {
  for (int tries = 0; tries < 100 && tcp_ < 0; ++tries) {
    if (udp_ >= 0) close(udp_);
    udp_ = inetsocket(SOCK_DGRAM, 0, "127.0.0.1");
    tcp_ = tcp_listen(local_port(udp_), "127.0.0.1");
  }
  if (tcp_ < 0) std::abort();
  fdcb(udp_, selread, wrap(this, &name_server::udp_readable));
  fdcb(tcp_, selread, wrap([this] {
         const int fd = accept4(tcp_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
         if (fd >= 0) accepted(fd);
       }));
  dns_options asked = options;
  asked.servers.emplace_back();
  asked.servers.back().parse("127.0.0.1", local_port(udp_));
  dns_configure(asked);
}

name_server::~name_server() {
  connections_.push_back(udp_);
  connections_.push_back(tcp_);
  for (const int fd : connections_) {
    fdcb(fd, selread, nullptr);
    close(fd);
  }
}

void name_server::udp_readable() {
  char bytes[1500];
  sockaddr_storage from;
  socklen_t size = sizeof from;
  const ssize_t got =
      recvfrom(udp_, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &size);
  if (got < 0) return;
  ++asked_by_udp;
  const std::string said = answer(std::string(bytes, static_cast<std::size_t>(got)), true);
  if (said.empty()) return;
  sendto(udp_, said.data(), said.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
}

void name_server::accepted(int fd) {
  connections_.push_back(fd);
  fdcb(fd, selread, wrap(this, &name_server::tcp_readable, fd));
}

// Questions come in one piece, each with its length in front; several may come together.
void name_server::tcp_readable(int fd) {
  char bytes[1500];
  const ssize_t got = read(fd, bytes, sizeof bytes);
  if (got <= 2) return fdcb(fd, selread, nullptr), void();
  const std::string all(bytes, static_cast<std::size_t>(got));
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t size = byte_at(all, at) * 256 + byte_at(all, at + 1);
    ++asked_by_tcp;
    const std::string said = answer(all.substr(at + 2, size), false);
    at += 2 + size;
    if (said.empty()) continue;
    const std::string framed = two_bytes(said.size()) + said;
    EXPECT_EQ(write(fd, framed.data(), framed.size()), static_cast<ssize_t>(framed.size()));
  }
}

std::string name_server::answer(const std::string& question, bool by_udp) {
  std::string name;
  std::size_t at = 12;
  for (; byte_at(question, at) != 0; at += byte_at(question, at) + 1) {
    if (!name.empty()) name += '.';
    name += question.substr(at + 1, byte_at(question, at));
  }
  const auto type = static_cast<int>(byte_at(question, at + 1) * 256 + byte_at(question, at + 2));
  const std::string asked = question.substr(12, at + 5 - 12);
  const auto place = zone.find(name);
  const entry what = place != zone.end() ? place->second : entry{.code = 3};
  if (what.silent) return "";
  if (!what.raw.empty()) return question.substr(0, 2) + what.raw;

  std::string records;
  std::size_t count = 0;
  const bool truncated = by_udp && what.truncated;
  for (const std::string& text : what.addresses) {
    address a;
    a.parse(text, 0);
    if (truncated || (a.family() == AF_INET ? type_a : type_aaaa) != type) continue;
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(*a.get());
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(*a.get());
    records += type == type_a ? record(type, {reinterpret_cast<const char*>(&v4.sin_addr), 4})
                              : record(type, {reinterpret_cast<const char*>(&v6.sin6_addr), 16});
    ++count;
  }
  if (!what.name.empty() && type == type_ptr) {
    records += record(type, labels(what.name));
    ++count;
  }
  const auto flags = 0x8180u | (truncated ? 0x0200u : 0u) | static_cast<unsigned>(what.code);
  return question.substr(0, 2) + two_bytes(flags) + two_bytes(1) + two_bytes(count) + two_bytes(0) +
         two_bytes(0) + asked + records;
}

}  // namespace async::test
