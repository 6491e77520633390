// Names for the look-up of tcpconnect: real ones and those of names.h.
#include "tests/async/names.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <vector>

#include "tests/async/helpers.h"

namespace async::test {
namespace {

using namespace std::chrono_literals;

constexpr int most_threads = 4;  // that look up names

class names : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(names);

TEST_P(names, that_are_none_fail) {
  int error = 0;
  tcpconnect("", 1, wrap([&](int fd) {
               error = errno;
               EXPECT_EQ(fd, -1);
               stop();
             }));
  run();
  EXPECT_TRUE(error == ENOENT || error == EAGAIN) << error;
}

TEST_P(names, are_looked_up_by_few_threads) {
  const int listening = tcp_listen(0);
  constexpr int count = 40;
  int accepted = 0, connected = 0;
  std::size_t most = 0;
  std::vector<int> fds;
  acceptor door(listening, wrap([&](int fd) {
                  fds.push_back(fd);
                  if (++accepted == count && connected == count) stop();
                }));
  for (int i = 0; i < count; ++i) {
    tcpconnect("localhost", local_port(listening), wrap([&](int fd) {
                 EXPECT_GE(fd, 0);
                 fds.push_back(fd);
                 std::size_t threads = 0;
                 for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
                   std::ifstream name(task.path() / "comm");
                   std::string line;
                   std::getline(name, line);
                   threads += line == "async-names";
                 }
                 most = std::max(most, threads);
                 if (++connected == count && accepted == count) stop();
               }));
  }
  run();
  EXPECT_GE(most, 1u);
  EXPECT_LE(most, 4u);
  for (const int fd : fds) close(fd);
}

// All threads are held in look-ups, and further names wait for one, while the loop finds an fd
// ready, then a timer due, and then a connection made. (If it were blocked, this test would hang.)
TEST_P(names, being_looked_up_do_not_block_the_loop) {
  constexpr int count = 10;
  const int listening = tcp_listen(0, "127.0.0.1");
  const std::uint16_t port = local_port(listening);
  test_pipe p;
  int connected = 0;
  bool released = false;
  for (int i = 0; i < count; ++i) {
    tcpconnect("slow.test", port, wrap([&](int fd) {
                 EXPECT_GE(fd, 0);
                 EXPECT_TRUE(released);
                 close(fd);
                 if (++connected == count) stop();
               }));
  }
  const std::function<void(int)> release = [&](int fd) {
    close(fd);
    released = true;
    for (int i = 0; i < count; ++i) slow_name.post();
  };
  const auto connect = [&] { tcpconnect("127.0.0.1", port, wrap(release)); };
  fdcb(p.in(), selread, wrap([&, connect] {
         if (slow_names_held < most_threads) return;  // called again, since it does not read
         fdcb(p.in(), selread, nullptr);
         delaycb(1us, wrap(connect));
       }));
  p.put();
  run();
  EXPECT_EQ(connected, count);
  close(listening);
}

TEST_P(names, being_looked_up_can_be_cancelled) {
  int alive = 0;
  std::vector<tcpconnect_t> attempts;
  for (int i = 0; i < 10; ++i) {
    attempts.push_back(tcpconnect(
        "slow.test", 1, wrap([value = counted_value(alive)](int) { FAIL() << "called back"; })));
  }
  // What the threads had begun with comes back, and does nothing. It has when all of them have
  // begun with something else, and that has come back too.
  int answers = 0;
  const std::function<void()> answer = [&] {
    if (slow_names_held < most_threads) return post(color(), answer);
    for (int i = 0; i < most_threads; ++i) slow_name.post();
  };
  const std::function<void()> ask_again = [&] {
    if (slow_names_held > 0) return post(color(), ask_again);
    for (int i = 0; i < most_threads; ++i) {
      tcpconnect("slow.test", closed_port(), wrap([&](int) {
                   if (++answers == most_threads) stop();
                 }));
    }
    post(color(), answer);
  };
  const std::function<void()> cancel = [&] {
    if (slow_names_held < most_threads) return post(color(), cancel);
    for (const tcpconnect_t& attempt : attempts) tcpconnect_cancel(attempt);
    EXPECT_EQ(alive, 0);
    for (int i = 0; i < most_threads; ++i) slow_name.post();
    post(color(), ask_again);
  };
  post(color(), cancel);
  run();
}

}  // namespace
}  // namespace async::test
