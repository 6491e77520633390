// The server with TLS: the same answers, through a stream.
#include "async/tls.h"

#include <functional>

#include "async/main.h"
#include "async/net.h"
#include "tests/async/certificates.h"
#include "tests/httpd/support.h"

namespace httpd::test {
namespace {

// Sends a request, which has to end the connection, and returns all that came back.
std::string converse(const running_server& s, const std::string& authority,
                     const std::string& request) {
  const auto context = async::tls_context::client({.authorities = authority});
  std::string got;
  async::ptr<async::aios> io;
  const auto connecting =
      async::tcpconnect("127.0.0.1", s.tls_port, async::wrap([&](int fd) {
                          ASSERT_GE(fd, 0);
                          io = async::tls_connect(fd, context, "localhost");
                          io->write(request);
                          io->read_all(10'000'000, async::wrap([&](async::aios_read& r) {
                                         EXPECT_TRUE(r) << r.error().message();
                                         got = r.text();
                                         async::stop();
                                       }));
                        }));
  async::amain();
  if (io) io->close();
  return got;
}

struct with_tls : testing::Test {
  async::test::certificates made;
  const async::tls_identity identity = made.identity("localhost", "server");
  running_server s{
      {"--tls-listen", "127.0.0.1:0", "--certificate", identity.chain, "--key", identity.key}};

  std::string request(const std::string& fields) { return converse(s, made.authority(), fields); }
};

TEST_F(with_tls, files_come_as_they_do_without) {
  const std::string plain = s.connect().get("/large.bin").body;
  const std::string got = request(
      "GET /small.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /large.bin HTTP/1.1\r\nHost: a\r\n"
      "Connection: close\r\n\r\n");
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(got.find("\r\n\r\nhello, world\nHTTP/1.1 200 OK\r\n"), std::string::npos);
  EXPECT_TRUE(got.ends_with(plain)) << got.size();
}

TEST_F(with_tls, ranges_of_a_large_file_come_in_parts) {
  const std::string got = request(
      "GET /large.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=10-100009,2000000-2099999\r\n"
      "Connection: close\r\n\r\n");
  EXPECT_TRUE(got.starts_with("HTTP/1.1 206 Partial Content\r\n"));
  EXPECT_NE(got.find(s.large.substr(10, 100'000) + "\r\n--"), std::string::npos);
  EXPECT_NE(got.find(s.large.substr(2'000'000, 100'000) + "\r\n--"), std::string::npos);
}

TEST_F(with_tls, what_is_no_request_is_refused) {
  EXPECT_TRUE(request("GET / HTTP/1.1\r\nHost : a\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

// The stream still has replies in its queue when the connection has nothing to do any more.
TEST_F(with_tls, the_end_comes_when_the_replies_on_their_way_have_been_sent) {
  constexpr std::size_t size = 20'000'000;
  s.files.file("www/huge", "");
  std::filesystem::resize_file(s.files.path() / "www/huge", size);
  const auto context = async::tls_context::client({.authorities = made.authority()});
  const client socket(s.tls_port);
  const int little = 65536;  // for the kernel to take on our behalf
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
  const async::aios_t io = async::tls_connect(::dup(socket.fd()), context, "localhost");
  io->write("GET /huge HTTP/1.1\r\nHost: a\r\n\r\n");
  std::size_t got = 0;
  async::aios_status how = async::aios_status::done;
  std::function<void()> read = [&] {
    io->read_any(1024, async::wrap([&](async::aios_read& r) {
                   if (got == 0) ::kill(s.process->pid(), SIGTERM);
                   got += r.size();
                   how = r.status();
                   if (r) return read();
                   async::stop();
                 }));
  };
  read();
  async::amain();
  io->close();
  EXPECT_GT(got, size);
  EXPECT_EQ(how, async::aios_status::eof) << "it was said that this is the end";
  EXPECT_EQ(s.process->finish().first, 0);
}

TEST_F(with_tls, a_client_without_it_gets_no_answer_and_harms_nobody) {
  client c(s.tls_port);
  c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(c.receive().status, 0u);
  EXPECT_TRUE(request("GET /small.txt HTTP/1.0\r\n\r\n").ends_with("hello, world\n"));
}

}  // namespace
}  // namespace httpd::test
