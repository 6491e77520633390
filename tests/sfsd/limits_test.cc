// The limits of the server: time for the handshake, and file descriptors.
#include <gtest/gtest.h>

#include "tests/sfsd/server_support.h"

namespace sfs::test {
namespace {

TEST(file_descriptors, limit_how_many_clients_are_taken) {
  running_server s({}, 40);
  std::vector<fd_owner> crowd;
  for (int i = 0; i < 80; ++i) crowd.push_back(s.raw_socket());
  EXPECT_TRUE(is_closed_by_peer(crowd.back().get()));
  crowd.clear();
  const finished f = s.stop();
  EXPECT_EQ(f.status, 0);
  EXPECT_NE(f.errors.find("--max-clients 1024 is more than 40 file descriptors are enough for: "
                          "it is now 15"),
            std::string::npos)
      << f.errors;
}

TEST(file_descriptors, are_enough_for_all_clients_that_were_taken_and_what_they_read) {
  running_server s({"--cpus", "2"}, 200);
  constexpr std::size_t clients = 75, files_of_each = 5;
  for (std::size_t i = 0; i < files_of_each; ++i)
    s.scratch().file("export/" + std::to_string(i), "content");
  std::vector<remote_files> crowd;
  for (std::size_t i = 0; i < clients; ++i) {
    auto channel = s.connect();
    ASSERT_TRUE(channel) << i << ": " << channel.why();
    crowd.emplace_back(std::move(*channel));
  }
  // Each has read more files than are kept open for it, before anybody does so again.
  for (int again = 0; again < 2; ++again)
    for (auto& client : crowd)
      for (std::size_t i = 0; i < files_of_each; ++i) {
        auto file = client.walk(std::to_string(i));
        ASSERT_TRUE(file) << file.why();
        const auto size = client.read_all(*file, 1, [](auto, auto) { return std::string(); });
        ASSERT_TRUE(size) << size.why();
        EXPECT_EQ(*size, 7u);
      }
  crowd.clear();
  const finished f = s.stop();
  EXPECT_TRUE(has(f.errors, "it is now " + std::to_string(clients))) << f.errors;
}

TEST(file_descriptors, are_taken_up_to_the_hard_limit) {
  rlimit mine, its;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &mine), 0);
  const rlimit soft{std::min<rlim_t>(mine.rlim_max, 200), mine.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &soft), 0);
  running_server s;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &mine), 0);
  ASSERT_EQ(::prlimit(s.pid(), RLIMIT_NOFILE, nullptr, &its), 0);
  EXPECT_EQ(its.rlim_cur, mine.rlim_max);
}

TEST(a_list, of_more_than_the_client_has_room_for_is_refused) {
  running_server s;
  for (int i = 0; i < 100; ++i)
    s.scratch().file("export/directory/" + std::to_string(i) + std::string(200, 'x'), "");
  auto channel = s.connect();
  ASSERT_TRUE(channel) << channel.why();
  remote_files files(std::move(*channel));
  auto directory = files.walk("directory");
  ASSERT_TRUE(directory) << directory.why();
  const auto all = files.list(*directory);
  ASSERT_TRUE(all) << all.why();
  EXPECT_EQ(all->size(), 103u) << "and `small`, and the directory itself and its parent";
  const auto refused = files.list(*directory, 100 * 200);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.why(), "the directory is too large to be listed");
}

TEST(a_slow_handshake, has_a_deadline_that_trickled_bytes_do_not_move) {
  running_server s({"--handshake-timeout", "1"});
  const fd_owner slow = s.raw_socket();
  // The beginning of a TLS record of 16 KB, and then one byte of it after the other: the pause
  // between two is far shorter than the timeout, and all of them would take half an hour.
  const byte_string bytes{0x16, 3, 1, 0x40, 0};
  bool closed = false;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (std::size_t at = 0; !closed && std::chrono::steady_clock::now() < give_up; ++at) {
    const std::uint8_t next = at < bytes.size() ? bytes[at] : 0;
    closed = ::send(slow.get(), &next, 1, MSG_NOSIGNAL) < 0;
    pollfd p{slow.get(), POLLIN, 0};
    char c;
    if (!closed && ::poll(&p, 1, 100) == 1) closed = ::recv(slow.get(), &c, 1, 0) <= 0;
  }
  EXPECT_TRUE(closed);
  EXPECT_TRUE(s.serves());
  const finished f = s.stop();
  EXPECT_NE(f.errors.find("for too long"), std::string::npos) << f.errors;
}

}  // namespace
}  // namespace sfs::test
