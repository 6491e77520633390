// A server's connections: let in, limited, drained (async/server.h).
#include "async/server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "tests/async/helpers.h"
#include "tests/async/ipv4.h"

namespace async::test {
namespace {

using namespace std::chrono_literals;

// A client that blocks, from this address to the port on 127.0.0.1. The kernel answers for the
// server as long as its backlog has room.
int client_of(int port, const char* from = "127.0.0.1") {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in here = ipv4(from, 0), there = ipv4("127.0.0.1", port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&here), sizeof here) < 0) std::abort();
  if (connect(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there) < 0) std::abort();
  return fd;
}

// Waits for the end of what a server sends.
bool was_closed(int fd) {
  char byte;
  return recv(fd, &byte, 1, 0) <= 0;
}

// A connection that stays until it is told to finish, or its client leaves.
struct held : refcount {
  explicit held(incoming& from) : fd(from.take()), slot(std::move(from.slot)) {}
  ~held() override { close(fd); }
  void begin() {
    slot.on_drain<&held::finish>(this);
    fdcb(fd, selread, cwrap(slot.its_color(), mkref(this), &held::readable));
  }
  void readable() {
    char byte;
    if (read(fd, &byte, 1) <= 0) finish();
  }
  void finish() {
    EXPECT_TRUE(slot.its_color().is_current());
    fdcb(fd, selread, nullptr);
    slot.end();
  }
  const int fd;
  connection_slot slot;
};
void hold(incoming from) { make_ref<held>(from)->begin(); }

class servers : public each_cpu_count {
 protected:
  // A server on a port of 127.0.0.1.
  server& serve(server_options options, callback<void, incoming>::ref arrived) {
    server_ = std::make_unique<server>(options, std::move(arrived));
    const int fd = tcp_listen(0, "127.0.0.1");
    port_ = local_port(fd);
    EXPECT_FALSE(server_->listen(fd));
    return *server_;
  }
  void TearDown() override {
    for (const int fd : clients_) close(fd);
  }
  int client(const char* from = "127.0.0.1") {
    return clients_.emplace_back(client_of(port_, from));
  }
  // Drains, and stops when it is over.
  void drain(std::chrono::nanoseconds limit = 1h) {
    server_->drain(limit, wrap([this](std::size_t n) {
                     left_ = n;
                     stop();
                   }));
  }

  // Runs `then` when it sees that `condition` is true.
  void when(std::function<bool()> condition, std::function<void()> then) {
    delaycb(1ms, wrap([this, condition, then] {
              if (condition()) return then();
              when(condition, then);
            }));
  }

  std::unique_ptr<server> server_;
  int port_ = 0;
  std::vector<int> clients_;
  std::size_t left_ = 99;
};
ASYNC_TEST_EACH_CPU_COUNT(servers);

TEST_P(servers, tell_of_each_connection_its_peer_and_its_door) {
  std::string peer;
  std::size_t door = 99;
  server& s = serve({}, wrap([&](incoming from) {
                      peer = from.peer().text();
                      door = from.door();
                      stop();
                    }));
  const int second = tcp_listen(0, "127.0.0.1");
  port_ = local_port(second);
  EXPECT_FALSE(s.listen(second));
  EXPECT_EQ(s.listen(-1), std::error_code(errno, std::generic_category()));
  const int fd = client();
  run();
  EXPECT_EQ(peer, "127.0.0.1:" + std::to_string(local_port(fd)));
  EXPECT_EQ(door, 1u);
}

TEST_P(servers, give_each_connection_a_color_of_its_own_under_which_it_arrives) {
  std::atomic<int> arrived = 0;
  std::mutex mutex;
  std::set<std::uint64_t> colors;
  serve({}, wrap([&](incoming from) {
          EXPECT_TRUE(from.slot.its_color().is_current());
          const std::lock_guard lock(mutex);
          colors.insert(from.slot.its_color().id());
          if (++arrived == 3) stop();
        }));
  for (int i = 0; i < 3; ++i) client();
  run();
  EXPECT_EQ(colors.size(), 3u);
  EXPECT_EQ(colors.count(0), 0u);
}

TEST_P(servers, give_all_the_default_color_if_asked_to) {
  serve({.own_colors = false}, wrap([&](incoming from) {
          EXPECT_TRUE(from.slot.its_color().is_default());
          EXPECT_TRUE(color().is_current());
          stop();
        }));
  client();
  run();
}

TEST_P(servers, close_a_connection_that_nobody_takes) {
  serve({}, wrap([&](incoming) { post(color(), [] { stop(); }); }));
  const int fd = client();
  run();
  EXPECT_TRUE(was_closed(fd));
  EXPECT_EQ(server_->count().connections, 0u);
}

TEST_P(servers, let_connections_wait_when_full_and_take_the_next_when_one_ends) {
  std::size_t arrived = 0;
  std::atomic<std::size_t> present = 0;
  serve({.connections = 2}, wrap([&, place = color()](incoming from) {
          EXPECT_LE(++present, 2u);
          // Ends behind what is posted now; by then others could have arrived.
          post(place, [&, held = std::move(from)]() mutable {
            --present;
            held.slot.end();
            if (++arrived == 7) stop();
          });
        }));
  for (int i = 0; i < 7; ++i) client();
  testing::internal::CaptureStderr();
  run();
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(arrived, 7u);
  EXPECT_EQ(server_->count().accepted, 7u);
  EXPECT_EQ(server_->count().refused_full, 0u);
  EXPECT_NE(said.find("it was the last: others wait until one ends"), said.npos);
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << "said seldom";
}

TEST_P(servers, do_not_look_at_a_socket_that_is_given_while_they_are_full) {
  serve({.connections = 1}, wrap([this](incoming from) {
          hold(std::move(from));
          if (server_->count().accepted == 1) stop();
        }));
  client();
  run();
  const int second = tcp_listen(0, "127.0.0.1");
  port_ = local_port(second);
  EXPECT_FALSE(server_->listen(second));
  client();
  // Somebody waits there, which nobody is told; timers of other tests may ring now and then.
  std::uint64_t least_ran = 99;
  for (int n = 0; n < 100; ++n) {
    select_waiter().poll();
    post(color(), [] { stop(); });
    least_ran = std::min(least_ran, run().ran);
  }
  EXPECT_EQ(least_ran, 1u);
  close(clients_[0]);
  when([this] { return server_->count().accepted == 2; }, [this] { drain(); });
  run();
  EXPECT_EQ(left_, 0u);
}

TEST_P(servers, close_connections_at_once_when_full_if_asked_to) {
  serve({.connections = 1, .full = when_full::refuse}, wrap(&hold));
  for (int i = 0; i < 3; ++i) client();
  when([this] { return server_->count().refused_full == 2; }, [this] { drain(); });
  run();
  EXPECT_TRUE(was_closed(clients_[1]));
  EXPECT_TRUE(was_closed(clients_[2]));
  EXPECT_EQ(server_->count().accepted, 1u);
  EXPECT_EQ(server_->count().refused_full, 2u);
}

TEST_P(servers, limit_each_address_and_forget_it_when_its_connections_are_gone) {
  serve({.per_address = 2}, wrap(&hold));
  for (int i = 0; i < 3; ++i) client();
  client("127.0.0.2");
  const auto accepted = [this](std::uint64_t n) {
    return [this, n] { return server_->count().accepted == n; };
  };
  when(accepted(3), [&] {
    close(clients_[0]);
    // Its place is free as soon as the server has seen that it is closed.
    when([this] { return server_->count().connections == 2; },
         [&] {
           clients_[0] = client_of(port_);
           when(accepted(4), [this] { drain(); });
         });
  });
  run();
  EXPECT_TRUE(was_closed(clients_[2]));
  EXPECT_EQ(server_->count().refused_by_address, 1u);
  EXPECT_EQ(server_->count().accepted, 4u);
}

TEST_P(servers, count_many_addresses_each_by_itself) {
  constexpr int many = 300;
  std::atomic<int> arrived = 0;
  std::vector<connection_slot> slots;
  slots.reserve(many);
  serve({.per_address = 1, .own_colors = false}, wrap([&](incoming from) {
          slots.push_back(std::move(from.slot));
          if (++arrived == many) stop();
        }));
  for (int i = 0; i < many; ++i)
    client(("127.1." + std::to_string(i / 200) + '.' + std::to_string(i % 200 + 1)).c_str());
  run();
  EXPECT_EQ(server_->count().connections, std::size_t{many});
  slots.clear();
  EXPECT_EQ(server_->count().connections, 0u);
}

TEST_P(servers, that_drain_tell_each_connection_and_wait_until_all_are_gone) {
  std::atomic<int> arrived = 0;
  serve({}, wrap([&](incoming from) {
          hold(std::move(from));
          if (++arrived == 200) drain();
        }));
  for (int i = 0; i < 200; ++i) client();
  run();
  EXPECT_EQ(left_, 0u);
  for (const int fd : clients_) EXPECT_TRUE(was_closed(fd));
  const int late = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in there = ipv4("127.0.0.1", port_);
  EXPECT_EQ(connect(late, reinterpret_cast<const sockaddr*>(&there), sizeof there), -1);
  EXPECT_EQ(errno, ECONNREFUSED);
  close(late);
}

TEST_P(servers, that_drain_with_nobody_there_are_done_at_once) {
  serve({}, wrap(&hold));
  drain();
  run();
  EXPECT_EQ(left_, 0u);
}

TEST_P(servers, that_drain_wait_no_longer_than_the_limit) {
  ptr<refcount> stubborn;
  serve({.own_colors = false}, wrap([&](incoming from) {
          stubborn = make_ref<held>(from);
          drain(1ms);
        }));
  client();
  run();
  EXPECT_EQ(left_, 1u);
  server_ = nullptr;  // the slot may outlive it
  stubborn = nullptr;
}

TEST_P(servers, that_are_told_to_drain_twice_hurry) {
  ptr<refcount> stubborn;
  serve({.own_colors = false}, wrap([&](incoming from) {
          stubborn = make_ref<held>(from);
          drain(1h);
          server_->drain(1h, wrap([](std::size_t) { ADD_FAILURE() << "the second's is dropped"; }));
        }));
  client();
  run();
  EXPECT_EQ(left_, 1u);
}

TEST_P(servers, that_drain_tell_a_connection_that_asks_later_at_once) {
  struct late : refcount {
    explicit late(incoming& from) : slot(std::move(from.slot)) {}
    void told() { stop(); }
    connection_slot slot;
  };
  serve({.own_colors = false}, wrap([&](incoming from) {
          server_->drain(0s, wrap([l = make_ref<late>(from)](std::size_t left) {
                           EXPECT_EQ(left, 1u);
                           l->slot.on_drain<&late::told>(l.get());
                         }));
        }));
  client();
  run();
}

TEST_P(servers, do_not_tell_a_connection_that_has_ended_though_it_was_on_its_way) {
  struct ended : refcount {
    explicit ended(incoming& from) : slot(std::move(from.slot)) {}
    void told() { ADD_FAILURE() << "called after end()"; }
    connection_slot slot;
  };
  serve({.own_colors = false}, wrap([&](incoming from) {
          server_->drain(0s, wrap([e = make_ref<ended>(from)](std::size_t left) {
                           EXPECT_EQ(left, 1u);
                           e->slot.on_drain<&ended::told>(e.get());  // posted behind us
                           post(color(), [] { stop(); });
                           e->slot.end();
                         }));
        }));
  client();
  run();
}

#if !defined(ASYNC_UNIPROCESSOR)  // where other threads may not post
TEST_P(servers, count_no_connection_whose_slot_another_thread_has_destroyed) {
  std::thread other;
  serve({}, wrap([&](incoming from) {
          auto slot = std::make_unique<connection_slot>(std::move(from.slot));
          other = std::thread([slot = std::move(slot)]() mutable { slot = nullptr; });
          drain();
        }));
  client();
  run();
  other.join();
  EXPECT_EQ(left_, 0u);
}
#endif

TEST_P(servers, that_are_gone_drop_who_waits_for_their_drain) {
  int alive = 0;
  serve({}, wrap(&hold));
  post(color(), [&] {
    connection_slot none;
    none.end();
    server_->drain(1h, wrap([value = counted_value(alive)](std::size_t) { ADD_FAILURE(); }));
    server_ = nullptr;
    delaycb(1ms, wrap([] { stop(); }));
  });
  run();
  EXPECT_EQ(alive, 0);
}

TEST_P(servers, take_clients_of_unix_sockets_which_have_no_address) {
  const auto path =
      std::filesystem::temp_directory_path() / ("async_server_test." + std::to_string(getpid()));
  std::filesystem::remove(path);
  std::string peer;
  serve({.per_address = 1}, wrap([&](incoming from) {
          peer = from.peer().text();
          stop();
        }));
  const int first = listening_socket(path);
  ASSERT_GE(first, 0);
  EXPECT_EQ(listening_socket(path), -1);
  EXPECT_EQ(errno, EADDRINUSE) << "somebody listens there";
  close(first);
  EXPECT_FALSE(server_->listen(listening_socket(path))) << "it was left over";
  clients_.push_back(unixsocket_connect(path));
  run();
  EXPECT_EQ(peer, "a local client");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace async::test
