// Reading from streams over plain fds: what each kind of read gives, and how it ends.
#include "async/aios.h"

#include <functional>
#include <string>
#include <vector>

#include "tests/async/streams.h"

namespace async::test {
namespace {

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

TEST_P(aios_reads, an_fd_that_is_not_open_is_the_error_of_the_first_read) {
  const aios_t bad = aios::make(closed_fd());
  std::error_code error;
  bad->read_any(1, wrap([&](aios_read& r) {
                  EXPECT_EQ(r.status(), aios_status::error);
                  error = r.error();
                  stop();
                }));
  run();
  EXPECT_EQ(error, std::errc::bad_file_descriptor);
}

TEST_P(aios_reads, one_that_was_cancelled_does_not_call_and_lets_its_callback_go) {
  int alive = 0;
  pair.send("x");
  // Cancelled when the fd has become readable, and its event may be queued.
  io->read_any(1, wrap([value = counted_value(alive)](aios_read&) { FAIL(); }));
  cpucb(wrap([&] {
    io->cancel_read();
    EXPECT_EQ(alive, 0);
    EXPECT_FALSE(io->reading());
    io->read_any(1, wrap([](aios_read& r) {
                   EXPECT_EQ(told(r), "done:x");
                   stop();
                 }));
  }));
  run();
}

TEST_P(aios_reads, a_second_one_at_a_time_aborts_naming_its_line) {
  const auto twice = [this] {
    io->read_any(1, wrap([](aios_read&) {}));
    io->read_any(1, wrap([](aios_read&) {}));
  };
  EXPECT_DEATH(twice(), "aios_read_test.cc:[0-9]+: aios: a read while another");
}

TEST_P(aios_reads, keep_the_stream_alive_and_nothing_else_does) {
  int alive = 0;
  {
    connected second;
    auto held = aios::make(second.ours);
    held->read_any(1, wrap([value = counted_value(alive)](aios_read& r) {
                     EXPECT_EQ(told(r), "done:x");
                     stop();
                   }));
    const int fd = second.ours;
    held = io;  // the only handle goes
    second.send("x");
    run();
    EXPECT_EQ(alive, 0);
    EXPECT_LT(fcntl(fd, F_GETFD), 0);
  }
}

TEST_P(aios_reads, pipelined_lines_neither_recurse_nor_keep_others_of_the_color_waiting) {
  std::string lines;
  for (int i = 0; i < 10'000; ++i) lines += "x\n";
  pair.send(lines);
  int read = 0, others = 0;
  int depth = 0;
  std::function<void()> next = [&] {
    io->read_line(1, wrap([&](aios_read& r) {
                    EXPECT_EQ(depth, 0);
                    if (!r) return stop();
                    if (++read == 10'000) pair.end_peer();
                    ++depth;
                    next();
                    --depth;
                  }));
  };
  std::function<void()> other = [&] {
    ++others;
    if (read < 10'000) cpucb(wrap(other));
  };
  next();
  other();
  run();
  EXPECT_EQ(read, 10'000);
  EXPECT_GE(others, 10'000 / 100);
}

TEST_P(aios_reads, take_what_was_read_without_copying) {
  pair.send(std::string(5000, 'a') + '\n');
  suio taken;
  io->read_line(5000, wrap([&](aios_read& r) {
                  const char* const there = r.text().data();
                  r.take(taken, 4000);
                  EXPECT_EQ(r.size(), 1000u);
                  EXPECT_EQ(taken.iov()[0].iov_base, there);
                  stop();
                }));
  run();
  EXPECT_EQ(taken.resid(), 4000u);
  EXPECT_EQ(io->buffered(), 0u);
}

TEST_P(aios_reads, read_from_pipes_and_write_to_them) {
  test_pipe in, out;
  const auto both = aios::make_pair(dup(in.in()), dup(out.out()));
  in.put('q');
  both->read_any(10, wrap([&](aios_read& r) {
                   EXPECT_EQ(told(r), "done:q");
                   both->write("a");
                   both->when_written(wrap([](std::error_code failed) {
                     EXPECT_FALSE(failed);
                     stop();
                   }));
                 }));
  run();
  EXPECT_EQ(out.get(), 'a');
}

}  // namespace
}  // namespace async::test
