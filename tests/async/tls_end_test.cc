// How a stream over TLS ends while its peer does not read, so that there is no room to say so: the
// end is said when there is.
#include <sys/socket.h>

#include <functional>
#include <string>
#include <utility>

#include "async/tls.h"
#include "tests/async/certificates.h"
#include "tests/async/streams.h"

namespace async::test {
namespace {

class tls_ends : public each_cpu_count {
 protected:
  // A server sends 20,000 bytes, and then there is no room for a byte more: its `end` happens.
  // After that the client begins to read; returns how that went.
  std::string told_when(const std::function<void(ptr<aios>& server)>& end) {
    connected pair;
    const int socket = pair.ours;
    ptr<aios> server = tls_accept(pair.ours, server_context);
    const auto client = tls_connect(std::exchange(pair.peer, -1), client_context, "example.org");
    const std::string reply(20'000, 'r');
    std::string got;
    const auto read = [&] {
      client->read_all(2 * reply.size(), wrap([&](aios_read& r) {
                         got = status_name(r.status()) + ' ' + r.error().message();
                         EXPECT_EQ(r.size(), reply.size());
                         stop();
                       }));
    };
    client->write("go\n");
    server->read_line(100, wrap([&](aios_read&) {
                        server->write(reply);
                        server->when_written(wrap([&](std::error_code failed) {
                          EXPECT_FALSE(failed);
                          const int least = 0;  // the kernel makes it less than what is there
                          setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
                          end(server);
                          // Behind what the stream posts when this callback is over.
                          post(color(), [&] { post(color(), read); });
                        }));
                      }));
    run();
    return got;
  }

  certificates files;
  ref<tls_context> server_context =
      tls_context::server({.identity = files.identity("example.org", "server")});
  ref<tls_context> client_context = tls_context::client({.authorities = files.authority()});
  const std::string well = "done " + std::error_code().message();
};
ASYNC_TEST_EACH_CPU_COUNT(tls_ends);

TEST_P(tls_ends, are_said_by_a_stream_that_was_closed_when_there_is_room) {
  EXPECT_EQ(told_when([](ptr<aios>& server) { server->close(); }), well);
}

TEST_P(tls_ends, are_said_by_a_stream_that_writes_no_more_when_there_is_room) {
  EXPECT_EQ(told_when([](ptr<aios>& server) { server->end_output(); }), well);
}

TEST_P(tls_ends, are_said_by_a_stream_that_was_dropped_when_there_is_room) {
  EXPECT_EQ(told_when([](ptr<aios>& server) { server = nullptr; }), well);
}

TEST_P(tls_ends, count_as_written_when_they_were_said) {
  bool said = false;
  const auto close = [&](ptr<aios>& server) {
    server->close();
    server->when_written(wrap([&said](std::error_code failed) { said = !failed; }));
    post(color(), [&] { post(color(), [&] { EXPECT_FALSE(said) << "there is no room yet"; }); });
  };
  EXPECT_EQ(told_when(close), well);
  EXPECT_TRUE(said);
}

// Its color has nothing but our callbacks to run from then on.
TEST_P(tls_ends, of_a_peer_that_has_failed_leave_a_closed_stream_with_nothing_to_do) {
  constexpr int count = 1000;
  connected pair;
  ptr<aios> server = tls_accept(pair.ours, server_context);
  int left = count;
  const std::function<void()> go_on = [&] {
    if (--left == 0) return stop();
    post(color(), go_on);
  };
  server->read_line(100, wrap([&](aios_read& r) {
                      EXPECT_EQ(r.status(), aios_status::error);
                      server->close();
                      server = nullptr;
                      post(color(), go_on);
                    }));
  pair.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_LT(run().ran, count * 3u / 2);
}

}  // namespace
}  // namespace async::test
