// Writing to streams over plain fds: what goes out together, when a writer is held up, and how a
// stream ends.
#include <cerrno>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "async/aios.h"
#include "tests/async/streams.h"

namespace async::test {
namespace {

class aios_writes : public each_cpu_count {
 protected:
  connected pair;
  aios_t io = aios::make(pair.ours);
};
ASYNC_TEST_EACH_CPU_COUNT(aios_writes);

// A packet socket keeps apart what was written apart.
TEST_P(aios_writes, all_of_one_callback_go_out_together) {
  connected packets(SOCK_SEQPACKET);
  const auto stream = aios::make(packets.ours);
  packets.send("go\n");
  stream->read_line(10, wrap([&](aios_read& r) {
                      stream->write("<");
                      stream->write(r.text());
                      stream->format("%c", '>');
                      stream->when_written(wrap([&](std::error_code) { stop(); }));
                    }));
  run();
  char got[10];
  EXPECT_EQ(recv(packets.peer, got, sizeof got, 0), 4);
}

TEST_P(aios_writes, from_any_callback_of_the_color_go_out_together) {
  connected packets(SOCK_SEQPACKET);
  const auto stream = aios::make(packets.ours);
  cpucb(wrap([&] {
    stream->write("<");
    stream->write(">");
    stream->when_written(wrap([&](std::error_code) { stop(); }));
  }));
  run();
  char got[10];
  EXPECT_EQ(recv(packets.peer, got, sizeof got, 0), 2);
}

TEST_P(aios_writes, a_slow_peer_holds_up_who_asks_and_all_arrives_in_order) {
  auto options = make_ref<aios_options>();
  options->high = 100'000;
  options->low = 10'000;
  const auto own = color::fresh();
  const auto stream = aios::make(dup(pair.ours), options, own);
  std::size_t most = 0;
  int written = 0;
  constexpr int pieces = 2000;
  const std::function<void()> produce = [&] {
    while (written < pieces && !stream->full()) stream->format("%01000d", written++);
    most = std::max(most, stream->queued());
    if (written == pieces) return stream->end_output();
    stream->when_writable(wrap([&](std::error_code failed) {
      EXPECT_FALSE(failed);
      EXPECT_LE(stream->queued(), 10'000u);
      produce();
    }));
  };
  post(own, [&] { produce(); });
  // The peer reads as slowly as a color of its own can.
  const auto peer = aios::make(std::exchange(pair.peer, -1), nullptr, color::fresh());
  std::string got;
  std::function<void()> next = [&] {
    peer->read_any(700, wrap([&](aios_read& r) {
                     got += r.text();
                     if (!r) return stop();
                     next();
                   }));
  };
  post(peer->its_color(), [&] { next(); });
  run();
  EXPECT_LE(most, 101'000u);
  ASSERT_EQ(got.size(), 1000u * pieces);
  for (int i = 0; i < pieces; ++i) {
    ASSERT_EQ(std::stoi(got.substr(static_cast<std::size_t>(i) * 1000, 1000)), i);
  }
}

TEST_P(aios_writes, end_output_half_closes_after_what_is_queued_and_reading_goes_on) {
  io->write("last");
  io->end_output();
  io->write("dropped");
  std::string answer;
  io->read_all(100, wrap([&](aios_read& r) {
                 answer = r.text();
                 stop();
               }));
  const auto peer = aios::make(std::exchange(pair.peer, -1));
  peer->read_all(100, wrap([&](aios_read& r) {
                   EXPECT_EQ(told(r), "done:last");
                   peer->write("answer");
                   peer->close();
                 }));
  run();
  EXPECT_EQ(answer, "answer");
}

TEST_P(aios_writes, are_sent_before_a_stream_that_was_dropped_is_closed) {
  const std::string much(1'000'000, 'm');
  post(color(), [&] {
    io->write(much);
    io = aios::make(dup(pair.peer));
  });
  std::string got;
  post(color(), [&] {
    io->read_all(2'000'000, wrap([&](aios_read& r) {
                   got = r.text();
                   stop();
                 }));
  });
  run();
  EXPECT_TRUE(got == much);
}

TEST_P(aios_writes, close_sends_what_is_queued_and_then_closes) {
  const std::string much(1'000'000, 'm');
  const int fd = pair.ours;
  const auto peer = aios::make(std::exchange(pair.peer, -1));
  bool written = false;
  post(color(), [&] {
    io->read_any(1, wrap([](aios_read&) { FAIL(); }));
    io->write(much);
    io->when_written(wrap([&](std::error_code failed) { written = !failed; }));
    io->close();
    io->write("dropped");
    peer->read_all(2'000'000, wrap([&](aios_read& r) {
                     EXPECT_TRUE(r.text() == much);
                     stop();
                   }));
  });
  run();
  EXPECT_TRUE(written);
  EXPECT_LT(fcntl(fd, F_GETFD), 0);
}

// Once, a read that was started, or a close, while output waited for the peer lost the wait.
TEST_P(aios_writes, go_on_when_a_read_is_started_and_the_stream_closed_while_the_peer_is_slow) {
  const std::string much(3'000'000, 'm');
  const auto peer = aios::make(std::exchange(pair.peer, -1));
  post(color(), [&] {
    io->write(much);
    io->when_writable(wrap([&](std::error_code) { io->close(); }));
  });
  std::function<void()> later = [&] {
    if (io->queued() == 0 || io->queued() == much.size()) return cpucb(wrap(later));
    io->write("more");
    io->read_any(1, wrap([](aios_read&) { FAIL(); }));
    peer->read_all(5'000'000, wrap([&](aios_read& r) {
                     EXPECT_EQ(r.size(), much.size() + 4);
                     stop();
                   }));
  };
  post(color(), [&] { cpucb(wrap(later)); });
  run();
}

TEST_P(aios_writes, abort_resets_the_connection_and_destroys_all_callbacks) {
  const int door = tcp_listen(0, "127.0.0.1");
  int alive = 0;
  int accepted = -1;
  const auto abort = [&](const aios_t& stream) {
    stream->write(std::string(100'000, 'x'));
    stream->when_written(wrap([v = counted_value(alive)](std::error_code) { FAIL(); }));
    stream->read_any(1, wrap([v = counted_value(alive)](aios_read&) { FAIL(); }));
    stream->abort();
    EXPECT_EQ(alive, 0);
  };
  const acceptor accepting(door, wrap([&](int fd) {
                             accepted = fd;
                             const auto stream = aios::make(fd);
                             stream->read_any(1, wrap([&, stream](aios_read&) { abort(stream); }));
                           }));
  tcpconnect("127.0.0.1", local_port(door), wrap([&](int fd) {
               const auto peer = aios::make(fd);
               peer->write("x");
               peer->read_all(1'000'000, wrap([&, peer](aios_read& r) {
                                EXPECT_EQ(r.status(), aios_status::error);
                                EXPECT_EQ(r.error(), std::errc::connection_reset);
                                stop();
                              }));
             }));
  run();
  EXPECT_LT(fcntl(accepted, F_GETFD), 0);
}

TEST_P(aios_writes, tell_of_a_peer_that_is_gone_and_then_queue_nothing) {
  pair.end_peer();
  std::vector<int> errors;
  post(color(), [&] {
    io->write(std::string(1'000, 'x'));
    io->when_writable(wrap([&](std::error_code failed) {
      errors.push_back(failed.value());
      stop();
    }));
    io->when_written(wrap([&](std::error_code failed) {
      errors.push_back(failed.value());
      io->write("more");
      EXPECT_EQ(io->queued(), 0u);
    }));
  });
  run();
  EXPECT_EQ(errors, (std::vector<int>{EPIPE, EPIPE}));
}

TEST_P(aios_writes, to_a_peer_that_has_answered_and_gone_leave_the_answer_readable) {
  pair.send("refused\n");
  pair.end_peer();
  post(color(), [&] {
    io->write(std::string(100'000, 'x'));
    io->when_written(wrap([&](std::error_code failed) {
      EXPECT_TRUE(failed);
      io->read_line(100, wrap([](aios_read& r) {
                      EXPECT_EQ(told(r), "done:refused");
                      stop();
                    }));
    }));
  });
  run();
}

TEST_P(aios_writes, tell_who_asks_again_while_being_told) {
  int writable = 0, written = 0;
  const auto look = [&] {
    if (writable == 3 && written == 3) stop();
  };
  const std::function<void(std::error_code)> when_writable = [&](std::error_code) {
    if (++writable != 3) io->when_writable(wrap(when_writable));
    look();
  };
  const std::function<void(std::error_code)> when_written = [&](std::error_code) {
    if (++written != 3) io->when_written(wrap(when_written));
    look();
  };
  io->when_writable(wrap(when_writable));
  io->when_written(wrap(when_written));
  run();
  EXPECT_EQ(writable, 3);
  EXPECT_EQ(written, 3);
}

// Others of the color have their turn between.
TEST_P(aios_writes, are_not_held_up_by_who_always_asks_again) {
  bool over = false;
  const std::function<void(std::error_code)> again = [&](std::error_code) {
    if (!over) io->when_written(wrap(again));
  };
  io->when_written(wrap(again));
  post(color(), [&] {
    over = true;
    stop();
  });
  run();
  EXPECT_TRUE(over);
}

TEST_P(aios_writes, tell_a_writer_who_asks_when_little_waits_for_a_peer_that_takes_nothing) {
  auto options = make_ref<aios_options>();
  options->low = 100'000'000;
  const auto stream = aios::make(dup(pair.ours), options);
  stream->write(std::string(10'000'000, 'x'));
  const std::function<void()> ask = [&] {
    stream->when_writable(wrap([&](std::error_code failed) {
      EXPECT_FALSE(failed);
      EXPECT_NE(stream->queued(), 0u);
      stop();
    }));
  };
  post(color(), [&] { post(color(), ask); });  // behind the first flush
  run();
  stream->abort();
}

// A client that is held only by its stream's callback, and the stream only by the client.
TEST_P(aios_writes, streams_may_be_closed_and_aborted_by_who_does_not_hold_them) {
  struct client : refcount {
    explicit client(int fd) : io(aios::make(fd)) {}
    void got(aios_read&) { FAIL(); }
    const aios_t io;
  };
  for (const bool politely : {true, false}) {
    connected ends;
    aios* stream;
    {
      const auto c = make_ref<client>(ends.ours);
      c->io->read_any(1, wrap(c, &client::got));
      stream = c->io.get();
    }
    post(color(), [&] {
      politely ? stream->close() : stream->abort();
      post(color(), [] { stop(); });
    });
    run();
    char byte;
    EXPECT_EQ(recv(ends.peer, &byte, 1, 0), 0);
  }
}

// With a pipe in place of standard input and output; it blocks, as those do. Were it waited for
// instead of watched, this would never end: the thread that reads is the one that writes.
TEST(standard_streams, do_not_block_and_leave_the_mode_of_their_fds) {
  std::fflush(stdout);
  const int old_in = dup(STDIN_FILENO), old_out = dup(STDOUT_FILENO);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  dup2(ends[0], STDIN_FILENO);
  dup2(ends[1], STDOUT_FILENO);
  const std::string much(1'000'000, 'm');
  std::size_t got = 0;
  bool written = false;
  const std::function<void()> next = [&] {
    ain()->read_any(100'000, wrap([&](aios_read& r) {
                      got += r.size();
                      if (r && got < much.size()) return next();
                      stop();
                    }));
  };
  aout()->write(much);
  aout()->when_written(wrap([&](std::error_code failed) { written = !failed; }));
  next();
  amain({.cpus = 1});
  EXPECT_EQ(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, 0);
  dup2(old_in, STDIN_FILENO);
  dup2(old_out, STDOUT_FILENO);
  for (const int fd : {old_in, old_out, ends[0], ends[1]}) close(fd);
  EXPECT_EQ(got, much.size());
  EXPECT_TRUE(written);
}

}  // namespace
}  // namespace async::test
