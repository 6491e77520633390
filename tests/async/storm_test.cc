// Many connections that come and go: nothing may be left of them. At full size, a minute:
//
//   ASYNC_STORM=10000x100 build/release/tests/async_test --gtest_filter='*storms*'
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "async/server.h"
#include "tests/async/helpers.h"

namespace async::test {
namespace {

// A connection that sends back one byte, and ends when its client does.
struct echo : refcount {
  explicit echo(incoming& from) : fd(from.take()), slot(std::move(from.slot)) { ++alive; }
  ~echo() override {
    close(fd);
    --alive;
  }
  void begin() {
    slot.on_drain<&echo::end>(this);
    fdcb(fd, selread, cwrap(slot.its_color(), mkref(this), &echo::readable));
  }
  void readable() {
    char byte;
    const ssize_t n = read(fd, &byte, 1);
    if (n < 0 && errno == EAGAIN) return;
    if (n != 1 || write(fd, &byte, 1) != 1) end();
  }
  void end() {
    fdcb(fd, selread, nullptr);
    slot.end();
  }

  static inline std::atomic<int> alive = 0;
  const int fd;
  connection_slot slot;
};

// ASYNC_STORM=10000x100 in the environment: so many connections at once, so many times.
struct size {
  std::size_t at_once = 200, rounds = 10;
  size() {
    const char* const text = std::getenv("ASYNC_STORM");
    if (text != nullptr && std::sscanf(text, "%zux%zu", &at_once, &rounds) != 2) std::abort();
  }
  std::size_t total() const { return at_once * rounds; }
};

void must(bool good) {
  if (good) return;
  std::perror("the storm");
  _exit(1);
}

// The clients, in a process of their own. Each round comes from another address: there are not
// enough ports for all.
[[noreturn]] void storm(const size& of, std::uint16_t port) {
  sockaddr_in from{}, to{};
  from.sin_family = to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (std::size_t round = 0; round < of.rounds; ++round) {
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<in_addr_t>(1 + round % 200));
    std::vector<int> fds;
    for (std::size_t i = 0; i < of.at_once; ++i) {
      const int fd = fds.emplace_back(socket(AF_INET, SOCK_STREAM, 0)), on = 1;
      must(fd >= 0 && setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
           bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0 &&
           connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    }
    // Half of them say something, and get it back; so they are all there at the same time.
    char byte = 'x';
    for (std::size_t i = 0; i < of.at_once; i += 2) must(write(fds[i], &byte, 1) == 1);
    for (std::size_t i = 0; i < of.at_once; i += 2) must(read(fds[i], &byte, 1) == 1);
    for (std::size_t i = 0; i < of.at_once; ++i) {
      // A quarter leaves with a reset.
      const linger reset{.l_onoff = i % 4 == 0, .l_linger = 0};
      setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      close(fds[i]);
    }
  }
  _exit(0);
}

std::size_t resident_kilobytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * 4;
}

class storms : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(storms);

TEST_P(storms, leave_no_fds_objects_or_places_behind) {
  const size of;
  room_for_connections();  // raises the limit of fds
  select_waiter().poll();  // the loop has its fds
  const auto fds_before = open_fds();
  std::atomic<std::size_t> arrived = 0, memory_early = 0;
  {
    server s({.connections = of.at_once, .per_address = of.at_once}, wrap([&](incoming from) {
               if (++arrived == of.total() / 5) memory_early = resident_kilobytes();
               make_ref<echo>(from)->begin();
             }));
    const int door = tcp_listen(0, "127.0.0.1");
    const pid_t clients = fork();
    if (clients == 0) storm(of, local_port(door));
    ASSERT_FALSE(s.listen(door));
    chldcb(clients, wrap([&](int status) {
             EXPECT_EQ(status, 0);
             s.drain(std::chrono::hours(1), wrap([](std::size_t left) {
                       EXPECT_EQ(left, 0u);
                       stop();
                     }));
           }));
    testing::internal::CaptureStderr();  // that it is full, now and then
    run();
    testing::internal::GetCapturedStderr();
    EXPECT_LE(s.count().accepted, of.total());
    EXPECT_GE(s.count().accepted, of.total() / 2);
    EXPECT_EQ(s.count().refused_full, 0u);
    EXPECT_EQ(s.count().connections, 0u);
  }
  EXPECT_EQ(echo::alive, 0);
  EXPECT_EQ(open_fds(), fds_before);
  const std::size_t memory = resident_kilobytes();
  RecordProperty("connections", std::to_string(arrived));
  std::printf("%zu connections; resident after a fifth: %zu KiB, in the end: %zu KiB\n",
              arrived.load(), memory_early.load(), memory);
  if (of.total() >= 100'000 && !sanitized) {
    // A color is 64 bytes: of those of the last four fifths not one in eight has stayed.
    EXPECT_LT(memory, memory_early + of.total() * 4 / 5 * 64 / 8 / 1024);
  }
}

}  // namespace
}  // namespace async::test
