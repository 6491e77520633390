// Listening sockets and the addresses of peers, by the names that people write, and a slot in a
// wrong place (async/server.h, async/peer.h).
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "async/server.h"
#include "tests/async/ipv4.h"

namespace async::test {
namespace {

TEST(listening_sockets, are_named_as_people_write_addresses) {
  for (const char* wrong : {"", ":", "x", "-1", "65536", "80x", "127.0.0.1", "::1:80", ":80",
                            "[]:80", "[127.0.0.1]:80", "localhost:80", "[::1]", "[::1]80"}) {
    errno = 0;
    EXPECT_EQ(listening_socket(wrong), -1) << wrong;
    EXPECT_EQ(errno, EINVAL) << wrong;
  }
  for (const char* right : {"0", "127.0.0.1:0"}) {
    const int fd = listening_socket(right);
    EXPECT_NE(local_port(fd), 0) << right;
    close(fd);
  }
}

TEST(listening_sockets, may_share_a_port) {
  const int first = listening_socket("127.0.0.1:0", port_use::shared);
  const std::string where = "127.0.0.1:" + std::to_string(local_port(first));
  const int second = listening_socket(where, port_use::shared);
  EXPECT_GE(second, 0);
  EXPECT_EQ(listening_socket(where), -1);
  close(first);
  close(second);
}

TEST(peer_addresses, say_what_people_write) {
  const auto of = [](const char* text, int port) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    inet_pton(AF_INET6, text, &v6.sin6_addr);
    return peer_address(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  };
  EXPECT_EQ(of("2001:db8::1", 80).text(), "[2001:db8::1]:80");
  EXPECT_EQ(of("::ffff:192.0.2.1", 80).text(), "192.0.2.1:80");
  EXPECT_EQ(peer_address().text(), "a local client");
  const sockaddr_in v4 = ipv4("192.0.2.1", 80);
  const auto* const generic = reinterpret_cast<const sockaddr*>(&v4);
  EXPECT_EQ(peer_address(generic, sizeof v4), of("::ffff:192.0.2.1", 80));
  EXPECT_EQ(peer_address(generic, 1).family(), AF_UNSPEC) << "cut short";
  // Networks.
  EXPECT_EQ(of("2001:db8::1", 1).network(), of("2001:db8::ffff:1", 2).network());
  EXPECT_NE(of("2001:db8::1", 1).network(), of("2001:db8:0:1::1", 1).network());
  EXPECT_EQ(of("2001:db8::1", 1).network(32, 48), of("2001:db8:0:1::1", 1).network(32, 48));
  EXPECT_NE(of("::1", 1).network(), peer_address(generic, sizeof v4).network());
  const sockaddr_in next = ipv4("192.0.2.2", 80);
  const peer_address beside(reinterpret_cast<const sockaddr*>(&next), sizeof next);
  EXPECT_NE(beside.network(), peer_address(generic, sizeof v4).network());
  EXPECT_EQ(beside.network(24), peer_address(generic, sizeof v4).network(24));
  EXPECT_NE(beside.network(0), of("::1", 1).network(32, 0));
}

TEST(connection_slots, abort_where_they_are_no_member_of_the_object) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  struct outside : refcount {
    void told() {}
  };
  EXPECT_DEATH(
      {
        connection_slot slot;
        slot.on_drain<&outside::told>(make_ref<outside>().get());
      },
      "listening_test.cc:.*not a member");
}

}  // namespace
}  // namespace async::test
