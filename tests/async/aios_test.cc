// Streams over plain fds: what a read gives, however the bytes come in pieces, and what writing
// guarantees.
#include "async/aios.h"

#include <sys/socket.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/async/helpers.h"

namespace async::test {
namespace {

// Both ends of a connection.
struct connected {
  explicit connected(int type = SOCK_STREAM) {
    int fds[2];
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0) std::abort();
    ours = fds[0];
    peer = fds[1];
  }
  ~connected() { end_peer(); }
  void send(std::string_view bytes) const {
    if (::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size())) {
      std::abort();
    }
  }
  std::string receive(std::size_t bytes) const {
    std::string got(bytes, 0);
    const ssize_t n = recv(peer, got.data(), bytes, MSG_WAITALL);
    got.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return got;
  }
  void end_peer() {
    if (peer >= 0) close(std::exchange(peer, -1));
  }
  int ours, peer;
};

std::string status_name(aios_status s) {
  const char* const names[] = {"done", "eof", "too_long", "timed_out", "error"};
  return names[static_cast<int>(s)];
}
// "done:BYTES" and the like.
std::string told(aios_read& r) { return status_name(r.status()) + ':' + std::string(r.text()); }

class aios_reads : public each_cpu_count {
 protected:
  // Starts reads by `start`, as long as they are done, and tells what all brought.
  std::vector<std::string> all_reads(const std::function<void(aios_cb::ref)>& start) {
    std::vector<std::string> got;
    const std::function<void()> next = [&] {
      start(wrap([&](aios_read& r) {
        got.push_back(told(r));
        if (r) return next();
        stop();
      }));
    };
    next();
    run();
    return got;
  }
  connected pair;
  const aios_t io = aios::make(pair.ours);
};
ASYNC_TEST_EACH_CPU_COUNT(aios_reads);

using strings = std::vector<std::string>;

TEST_P(aios_reads, lines_lose_their_ends_and_the_last_may_have_none) {
  pair.send("one\ntwo\r\n\n\r\nlast\r");
  pair.end_peer();
  EXPECT_EQ(all_reads([this](auto cb) { io->read_line(100, cb); }),
            (strings{"done:one", "done:two", "done:", "done:", "eof:last\r"}));
}

TEST_P(aios_reads, a_line_of_the_longest_length_is_read_and_a_longer_one_is_not) {
  pair.send("1234\n1234\r\n12345\n");
  EXPECT_EQ(all_reads([this](auto cb) { io->read_line(4, cb); }),
            (strings{"done:1234", "done:1234", "too_long:1234"}));
  EXPECT_EQ(io->buffered(), 6u);
}

TEST_P(aios_reads, a_line_is_too_long_before_its_end_has_come) {
  pair.send("123456");
  EXPECT_EQ(all_reads([this](auto cb) { io->read_line(4, cb); }), strings{"too_long:1234"});
}

TEST_P(aios_reads, until_a_delimiter) {
  pair.send("head\r\n\r\n\r\n\r\nrest\r\n\r");
  pair.end_peer();
  EXPECT_EQ(all_reads([this](auto cb) { io->read_until("\r\n\r\n", 100, cb); }),
            (strings{"done:head", "done:", "eof:rest\r\n\r"}));
}

TEST_P(aios_reads, exactly_so_many_bytes) {
  pair.send("12345678");
  pair.end_peer();
  EXPECT_EQ(all_reads([this](auto cb) { io->read_exactly(3, cb); }),
            (strings{"done:123", "done:456", "eof:78"}));
}

TEST_P(aios_reads, whatever_is_there) {
  pair.send("12345");
  pair.end_peer();
  EXPECT_EQ(all_reads([this](auto cb) { io->read_any(3, cb); }),
            (strings{"done:123", "done:45", "eof:"}));
}

TEST_P(aios_reads, all_up_to_the_end) {
  pair.send("12345");
  pair.end_peer();
  std::string got;
  io->read_all(5, wrap([&](aios_read& r) {
                 got = told(r);
                 stop();
               }));
  run();
  EXPECT_EQ(got, "done:12345");
}

TEST_P(aios_reads, what_a_callback_writes_is_answered_together) {
  pair.send("a\nb\n");
  int left = 2;
  std::function<void()> next = [&] {
    io->read_line(10, wrap([&](aios_read& r) {
                    io->write("<");
                    io->write(r.text());
                    io->format("%c\n", '>');
                    if (--left != 0) return next();
                    io->when_written(wrap([](std::error_code failed) {
                      EXPECT_FALSE(failed);
                      stop();
                    }));
                  }));
  };
  next();
  run();
  EXPECT_EQ(pair.receive(8), "<a>\n<b>\n");
}

}  // namespace
}  // namespace async::test
