// Whose process is at the other end of a loopback connection: what the kernel's tables say, and
// what they do not.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "async/net.h"
#include "examples/sfsd/gateway/peer_owner.h"
#include "tests/sfsd/server_support.h"

namespace sfs::test {
namespace {

using std::chrono::seconds;

tcp_pair pair_of(std::uint16_t theirs, std::uint16_t ours) {
  tcp_pair p;
  for (auto* a : {&p.theirs, &p.ours}) {
    a->sin_family = AF_INET;
    a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  p.theirs.sin_port = htons(theirs);
  p.ours.sin_port = htons(ours);
  return p;
}

constexpr std::string_view heading =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n";

std::string line(const std::string& local, const std::string& remote, const std::string& state,
                 const std::string& uid, const std::string& inode) {
  return "   7: " + local + " " + remote + " " + state +
         " 00000000:00000000 00:00000000 00000000 " + uid + "        0 " + inode +
         " 1 000000002c2e8f3a 20 4 30 10 -1\n";
}

const std::string ours = "0100007F:1F90", theirs = "0100007F:C350";  // 8080 and 50000

found_owner owner(const std::string& lines, tcp_table kind = tcp_table::ipv4) {
  return owner_in(std::string(heading) + lines, kind, pair_of(50000, 8080));
}

TEST(the_owner_of_a_connection, is_that_of_the_other_ends_socket) {
  const found_owner f =
      owner(line(ours, theirs, "01", "0", "11") +  // ours
            line("0100007F:C351", ours, "01", "5", "12") + line(theirs, ours, "01", "1000", "13"));
  EXPECT_EQ(f.count, 1u);
  EXPECT_EQ(f.owner, 1000u);
}

TEST(the_owner_of_a_connection, is_found_where_ipv4_is_mapped) {
  const std::string prefix = "0000000000000000FFFF0000";
  const std::string lines = line(prefix + theirs, prefix + ours, "01", "1000", "13");
  EXPECT_EQ(owner(lines, tcp_table::ipv6).count, 1u);
  EXPECT_EQ(owner(lines, tcp_table::ipv4).count, 0u);
}

TEST(the_owner_of_a_connection, is_nobody_if_its_socket_was_closed) {
  // Of these the kernel says that they are root's.
  for (const char* state : {"04", "05", "06", "07", "0B"})
    EXPECT_EQ(owner(line(theirs, ours, state, "0", "0")).count, 0u) << state;
  EXPECT_EQ(owner(line(theirs, ours, "01", "0", "0")).count, 0u) << "held by no process";
}

TEST(the_owner_of_a_connection, is_not_taken_from_odd_lines) {
  EXPECT_EQ(owner("").count, 0u);
  EXPECT_EQ(owner("\n\n   \n").count, 0u);
  EXPECT_EQ(owner("   7: " + theirs + " " + ours + " 01\n").count, 0u) << "too short";
  for (const char* uid : {"-1", "x", "4294967296", "1000x", "0x0"})
    EXPECT_EQ(owner(line(theirs, ours, "01", uid, "13")).count, 0u) << uid;
  for (const char* inode : {"-1", "x", "99999999999999999999"})
    EXPECT_EQ(owner(line(theirs, ours, "01", "0", inode)).count, 0u) << inode;
  EXPECT_EQ(owner(line(theirs + "0", ours, "01", "0", "13")).count, 0u);
  const std::string cut = line(theirs, ours, "01", "1000", "13");
  for (std::size_t n = 0; n < cut.find(" 13 "); ++n) EXPECT_EQ(owner(cut.substr(0, n)).count, 0u);
}

TEST(the_owner_of_a_connection, is_not_clear_if_there_are_two) {
  EXPECT_EQ(
      owner(line(theirs, ours, "01", "0", "13") + line(theirs, ours, "01", "1000", "14")).count,
      2u);
}

TEST(the_owner_of_a_connection, survives_any_table) {
  auto random = async::test::make_prng();
  const std::string good = line(theirs, ours, "01", "1000", "13");
  for (int i = 0; i < 20'000; ++i) {
    std::string text = good + good;
    for (int n = 0; n < 8; ++n) text[random() % text.size()] = static_cast<char>(random());
    (void)owner(text.substr(random() % text.size()));
  }
}

TEST(the_owner_of_a_connection, is_us_if_we_have_made_it) {
  const int door = async::tcp_listen(0, "127.0.0.1");
  const auto mine =
      connect_to(*server_location::parse("127.0.0.1%" + std::to_string(async::local_port(door))),
                 {.timeout = seconds(5)});
  ASSERT_TRUE(mine);
  pollfd p{door, POLLIN, 0};
  ::poll(&p, 1, 5000);
  const fd_owner other(::accept(door, nullptr, nullptr));
  ASSERT_TRUE(other);
  const auto user = owner_of_peer(other.get());
  ASSERT_TRUE(user) << user.why();
  EXPECT_EQ(*user, ::geteuid());
  ::shutdown(mine->get(), SHUT_RDWR);
  EXPECT_FALSE(owner_of_peer(other.get())) << "it is not established any more";
  ::close(door);
}

}  // namespace
}  // namespace sfs::test
