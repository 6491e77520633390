// make_async, close_on_exec and tcp_nodelay.
#include <fcntl.h>

#include <cerrno>

#include "tests/async/helpers.h"

namespace async::test {
namespace {

TEST(fd_settings, make_async_makes_reads_fail_instead_of_blocking) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_FALSE(make_async(ends[0]));
  EXPECT_FALSE(make_async(ends[0]));
  char c;
  EXPECT_EQ(read(ends[0], &c, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
  close(ends[0]);
  close(ends[1]);
  EXPECT_EQ(make_async(ends[0]), std::errc::bad_file_descriptor);
}

TEST(fd_settings, close_on_exec_sets_the_flag) {
  const int fd = dup(0);
  EXPECT_FALSE(close_on_exec(fd));
  EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  close(fd);
  EXPECT_EQ(close_on_exec(fd), std::errc::bad_file_descriptor);
}

TEST(fd_settings, tcp_nodelay_says_when_the_fd_is_no_tcp_socket) {
  const int fd = inetsocket(SOCK_STREAM);
  EXPECT_FALSE(tcp_nodelay(fd));
  close(fd);
  test_pipe p;
  EXPECT_EQ(tcp_nodelay(p.in()), std::errc::not_a_socket);
}

}  // namespace
}  // namespace async::test
