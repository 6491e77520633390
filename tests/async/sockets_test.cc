// Making sockets, accepting and connecting: DESIGN section 4, as far as the network goes.
#include <netinet/in.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <vector>

#include "tests/async/helpers.h"
#include "tests/async/name_server.h"

namespace async::test {
namespace {

using namespace std::chrono_literals;

bool has_ipv6() {
  const int fd = inetsocket(SOCK_STREAM, 0, "::1");
  if (fd >= 0) close(fd);
  return fd >= 0;
}

std::filesystem::path socket_path() {
  return std::filesystem::temp_directory_path() /
         ("async_sockets_test." + std::to_string(getpid()));
}

class sockets : public each_cpu_count {
 protected:
  // Connects to `host`, accepts, and sends a byte each way.
  void expect_conversation(const std::string& host, int listening) {
    ASSERT_GE(listening, 0);
    const std::uint16_t port = local_port(listening);
    int client = -1, server = -1;
    const auto done = [&] {
      if (client >= 0 && server >= 0) stop();
    };
    acceptor door(listening, wrap([&](int fd) {
                    server = fd;
                    done();
                  }));
    tcpconnect(host, port, wrap([&](int fd) {
                 EXPECT_GE(fd, 0) << strerror(errno);
                 if (fd < 0) return stop();
                 client = fd;
                 done();
               }));
    run();
    ASSERT_GE(server, 0);
    EXPECT_FALSE(tcp_nodelay(client));
    for (const int fd : {client, server}) {
      EXPECT_NE(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
      EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    }
    char c = 0;
    EXPECT_EQ(write(client, "q", 1), 1);
    EXPECT_EQ(read(server, &c, 1), 1);
    EXPECT_EQ(c, 'q');
    close(client);
    close(server);
  }
};
ASYNC_TEST_EACH_CPU_COUNT(sockets);

TEST_P(sockets, connect_by_ipv4_address) {
  expect_conversation("127.0.0.1", tcp_listen(0, "127.0.0.1"));
}

TEST_P(sockets, connect_by_ipv6_address) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no ::1";
  expect_conversation("::1", tcp_listen(0, "::1"));
}

TEST_P(sockets, connect_by_name) { expect_conversation("localhost", tcp_listen(0)); }

TEST_P(sockets, that_listen_on_all_addresses_take_both_families) {
  expect_conversation("127.0.0.1", tcp_listen(0));
  if (has_ipv6()) expect_conversation("::1", tcp_listen(0));
}

TEST_P(sockets, try_each_address_of_a_name) {
  name_server server;  // nobody listens at the first
  server.zone["two.test"] = {.addresses = {"127.0.0.2", "127.0.0.1"}};
  expect_conversation("two.test", tcp_listen(0, "127.0.0.1"));
}

TEST(socket_making, says_what_is_wrong) {
  errno = 0;
  EXPECT_EQ(inetsocket(SOCK_STREAM, 0, "no.such.name"), -1);
  EXPECT_EQ(errno, EINVAL);
  const int fd = tcp_listen(0, "127.0.0.1");
  EXPECT_NE(local_port(fd), 0);
  EXPECT_EQ(tcp_listen(local_port(fd), "127.0.0.1"), -1);
  EXPECT_EQ(errno, EADDRINUSE);
  close(fd);
  EXPECT_EQ(local_port(fd), 0);
  EXPECT_EQ(local_port(0), 0);
}

TEST_P(sockets, have_ports_from_0_to_65535) {
  for (const int port : {-1, 65536, 70000}) {
    errno = 0;
    EXPECT_EQ(tcp_listen(port, "127.0.0.1"), -1);
    EXPECT_EQ(errno, EINVAL);
    int fd = 0, error = 0;
    tcpconnect("127.0.0.1", port, wrap([&](int result) {
                 error = errno;
                 fd = result;
                 stop();
               }));
    run();
    EXPECT_EQ(fd, -1);
    EXPECT_EQ(error, EINVAL);
  }
}

TEST(socket_making, binds_datagram_sockets_too) {
  const int a = inetsocket(SOCK_DGRAM, 0, "127.0.0.1"), b = inetsocket(SOCK_DGRAM);
  EXPECT_NE(local_port(a), 0);
  EXPECT_NE(local_port(b), 0);
  close(a);
  close(b);
}

TEST_P(sockets, of_the_unix_family_listen_and_connect) {
  const auto path = socket_path();
  std::filesystem::remove(path);
  EXPECT_EQ(unixsocket_connect(path), -1);
  EXPECT_EQ(errno, ENOENT);
  const int listening = unixsocket_listen(path);
  ASSERT_GE(listening, 0);
  EXPECT_EQ(unixsocket_listen(path), -1);
  EXPECT_EQ(errno, EADDRINUSE);
  int server = -1;
  acceptor door(listening, wrap([&](int fd) {
                  server = fd;
                  stop();
                }));
  const int client = unixsocket_connect(path);
  ASSERT_GE(client, 0);
  run();
  EXPECT_EQ(write(client, "u", 1), 1);
  char c = 0;
  EXPECT_EQ(read(server, &c, 1), 1);
  EXPECT_EQ(c, 'u');
  close(client);
  close(server);
  std::filesystem::remove(path);
  EXPECT_EQ(unixsocket_listen(std::string(200, 'x')), -1);
  EXPECT_EQ(errno, ENAMETOOLONG);
  EXPECT_EQ(unixsocket_listen(""), -1);
}

// Connecting.

TEST_P(sockets, that_are_refused_say_so) {
  int fd = 0, error = 0;
  const color c = color::fresh();
  tcpconnect("127.0.0.1", closed_port(), cwrap(c, [&](int result) {
               fd = result;
               error = errno;
               EXPECT_TRUE(c.is_current());
               stop();
             }));
  run();
  EXPECT_EQ(fd, -1);
  EXPECT_EQ(error, ECONNREFUSED);
}

TEST_P(sockets, never_call_back_from_within_tcpconnect) {
  bool returned = false;
  post(color(), [&] {
    tcpconnect("127.0.0.1", closed_port(), wrap([&](int) {
                 EXPECT_TRUE(returned);
                 stop();
               }));
    returned = true;
  });
  run();
}

// A listener whose backlog is full does not answer: a black hole on this machine.
TEST_P(sockets, that_wait_for_an_answer_can_be_cancelled) {
  const int listening = tcp_listen(0, "127.0.0.1", 0);
  const std::uint16_t port = local_port(listening);
  std::vector<int> fillers;
  tcpconnect_t waiting;
  int alive = 0;
  // Fills the backlog, and then finds that a connection is not made in the time a timer takes.
  std::function<void()> next = [&] {
    waiting = tcpconnect("127.0.0.1", port, wrap([&, value = counted_value(alive)](int fd) {
                           EXPECT_GE(fd, 0);
                           fillers.push_back(fd);
                           ASSERT_LT(fillers.size(), 100u);
                           post(color(), next);
                         }));
  };
  std::function<void(std::size_t)> look = [&](std::size_t before) {
    if (fillers.size() != before || fillers.empty()) {
      delaycb(50ms, wrap(look, fillers.size()));
      return;
    }
    EXPECT_EQ(alive, 1);
    tcpconnect_cancel(waiting);
    EXPECT_EQ(alive, 0);
    stop();
  };
  post(color(), next);
  delaycb(50ms, wrap(look, fillers.size()));
  run();
  for (const int fd : fillers) close(fd);
  close(listening);
}

// Accepting.

class accepting : public sockets {};
ASYNC_TEST_EACH_CPU_COUNT(accepting);

TEST_P(accepting, ends_when_the_acceptor_goes_even_in_its_own_callback) {
  const int listening = tcp_listen(0, "127.0.0.1");
  const std::uint16_t port = local_port(listening);
  acceptor door;
  int accepted = 0, clients[2];
  door = acceptor(listening, wrap([&](int fd) {
                    ++accepted;
                    close(fd);
                    door = acceptor();
                    post(color(), [] { stop(); });
                  }));
  for (int& fd : clients) {
    fd = inetsocket(SOCK_STREAM, 0, "127.0.0.1");
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(port);
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(fd, reinterpret_cast<sockaddr*>(&peer), sizeof peer);
  }
  run();
  EXPECT_EQ(accepted, 1);
  EXPECT_EQ(fcntl(listening, F_GETFD), -1) << "the listening socket is closed";
  for (const int fd : clients) close(fd);
}

TEST_P(accepting, tells_once_when_the_listening_socket_is_of_no_use) {
  int calls = 0, error = 0;
  acceptor door(inetsocket(SOCK_STREAM, 0, "127.0.0.1"), wrap([&](int fd) {
                  ++calls;
                  error = errno;
                  EXPECT_EQ(fd, -1);
                  delaycb(1ms, wrap([] { stop(); }));
                }));
  run();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(error, EINVAL) << "it does not listen";
}

TEST(acceptors, are_true_if_they_were_made_to_accept) {
  EXPECT_FALSE(acceptor());
  acceptor door(tcp_listen(0, "127.0.0.1"), wrap([](int) {}));
  EXPECT_TRUE(door);
  const acceptor moved = std::move(door);
  EXPECT_TRUE(moved);
  EXPECT_FALSE(door);
}

TEST(acceptors, that_failed_to_listen_are_false_with_its_error_and_never_call_back) {
  const int taken = tcp_listen(0, "127.0.0.1");
  int alive = 0;
  const acceptor door(tcp_listen(local_port(taken), "127.0.0.1"),
                      wrap([value = counted_value(alive)](int) {}));
  EXPECT_EQ(errno, EADDRINUSE);
  EXPECT_FALSE(door);
  EXPECT_EQ(alive, 0);
  close(taken);
}

TEST(acceptors, of_an_fd_that_is_not_open_are_false_and_never_call_back) {
  int alive = 0;
  const acceptor door(closed_fd(), wrap([value = counted_value(alive)](int) {}));
  EXPECT_EQ(errno, EBADF);
  EXPECT_FALSE(door);
  EXPECT_EQ(alive, 0);
}

// Lets the process have `more` further fds, and gives the limit back.
class few_fds {
 public:
  explicit few_fds(int more) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit now = before_;
    now.rlim_cur = static_cast<rlim_t>(closed_fd() + more);
    setrlimit(RLIMIT_NOFILE, &now);
  }
  ~few_fds() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_;
};

TEST_P(accepting, pauses_without_spinning_while_there_are_no_fds_and_then_resumes) {
  constexpr int count = 3;
  const auto path = socket_path();
  // First with fds enough.
  for (const bool limited : {false, true}) {
    if (limited && under_asan) GTEST_SKIP() << "UBSan needs fds to see a type";
    std::filesystem::remove(path);
    const int listening = unixsocket_listen(path);
    ASSERT_GE(listening, 0);
    std::vector<int> clients;
    for (int i = 0; i < count; ++i) clients.push_back(unixsocket_connect(path));
    select_waiter().poll();
    int accepted = 0;
    testing::internal::CaptureStderr();  // needs fds of its own
    {
      const few_fds limit(limited ? 1 : 100);
      acceptor door(listening, wrap([&](int fd) {
                      ASSERT_GE(fd, 0);
                      // Runs when this callback of the acceptor's is over: when it has met the
                      // limit and paused.
                      post(color(), [&, fd] {
                        close(fd);
                        if (++accepted == count) stop();
                      });
                    }));
      // Each pause of the acceptor ends with a timer, which finds an fd free again.
      EXPECT_LT(run().ran, 100u) << "it spins";
    }
    const std::string said = testing::internal::GetCapturedStderr();
    const std::string why = ": accepting pauses: Too many open files\n";
    EXPECT_EQ(said.substr(std::min(said.size(), said.find(':'))), limited ? why : "");
    EXPECT_EQ(accepted, count);
    for (const int fd : clients) close(fd);
    std::filesystem::remove(path);
  }
}

}  // namespace
}  // namespace async::test
