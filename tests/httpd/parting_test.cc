// Clients from whom the server parts while they still read.
#include "tests/httpd/support.h"

namespace httpd::test {
namespace {

// For whom the kernel takes little before he reads.
sfs::fd_owner connect_slowly(std::uint16_t port) {
  sfs::fd_owner fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int little = 4096;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
  return fd;
}

std::size_t count_sockets(pid_t pid) {
  std::size_t count = 0;
  const std::string fds = "/proc/" + std::to_string(pid) + "/fd";
  for (const auto& fd : std::filesystem::directory_iterator(fds)) {
    std::error_code gone;
    count += read_symlink(fd.path(), gone).native().starts_with("socket:");
  }
  return count;
}

// Bytes that nobody asked for have the server wait for the client's end, for five seconds.
TEST(a_client, who_reads_slowly_and_has_sent_too_much_gets_the_whole_reply) {
  running_server s;
  const std::string body = bytes_of(250'000);
  s.files.file("www/page", body);
  const std::size_t before = count_sockets(s.process->pid());
  const sfs::fd_owner slow = connect_slowly(s.port);
  const std::string request = "GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n\r\n";
  ASSERT_EQ(::send(slow.get(), request.data(), request.size(), 0),
            static_cast<ssize_t>(request.size()));
  pollfd begun{slow.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&begun, 1, 60'000), 1);
  while (count_sockets(s.process->pid()) > before)
    ::usleep(1000);  // ends with the test's limit at the latest
  std::string got;
  char buffer[65536];
  ssize_t n;
  while ((n = ::recv(slow.get(), buffer, sizeof buffer, 0)) > 0)
    got.append(buffer, static_cast<std::size_t>(n));
  EXPECT_EQ(n, 0) << "it was reset";
  EXPECT_TRUE(got.ends_with(body)) << got.size();
}

}  // namespace
}  // namespace httpd::test
