// The load generator of bench/papers against a server that does as it is told: what it counts.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include "bench/papers/http_client.h"
#include "bench/papers/request_mix.h"

namespace papers {
namespace {

const std::string content(100'000, 'x');

std::string reply(const std::string& body, int status = 200) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Any\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Answers the n-th request, counted from 0, with what `answer` gives, or by closing; with the last
// one, ends the run of the clients.
class server {
 public:
  using answers = std::function<std::optional<std::string>(std::size_t)>;

  server(std::size_t requests, answers answer)
      : requests_(requests), answer_(std::move(answer)), door_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(door_.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(door_.get(), 8), 0);
    EXPECT_EQ(::getsockname(door_.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
    port_ = ntohs(at.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }

  std::uint16_t port() const noexcept { return port_; }
  const std::atomic<phase>& now() const noexcept { return phase_; }

 private:
  void serve() {
    while (served_ < requests_) {
      const sfs::fd_owner client(::accept(door_.get(), nullptr, nullptr));
      while (served_ < requests_ && serve_one(client.get())) {}
    }
  }
  bool serve_one(int client) {
    std::string request(4096, '\0');
    if (::recv(client, request.data(), request.size(), 0) <= 0) return false;
    const auto answer = answer_(served_++);
    // Before the answer: whoever sees that, or the end of the connection, sees that it is over.
    if (served_ == requests_) phase_ = phase::over;
    if (!answer) return false;
    // In two parts, of which the first is less than a head.
    send_all(client, answer->substr(0, 10));
    send_all(client, answer->substr(10));
    return true;
  }
  static void send_all(int client, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  const std::size_t requests_;
  const answers answer_;
  std::size_t served_ = 0;
  std::atomic<phase> phase_{phase::measuring};
  sfs::fd_owner door_;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

class clients : public testing::Test {
 protected:
  clients() {
    std::string name = std::filesystem::temp_directory_path() / "clients_test-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    std::ofstream(directory_ / "file") << content;
    std::ofstream(directory_ / "list") << "1 file\n";
  }
  ~clients() override { std::filesystem::remove_all(directory_); }

  // What one client counts, where the server serves `requests`.
  client_counts counts(std::size_t requests, server::answers answer) {
    const request_mix mix(directory_, directory_ / "list");
    server peer(requests, std::move(answer));
    http_clients all({.port = peer.port(), .clients = 1, .workers = 1, .first = 0}, mix);
    all.connect();
    all.run(peer.now());
    return all.counts();
  }

 private:
  std::filesystem::path directory_;
};

TEST_F(clients, count_replies_and_compare_one_in_64) {
  const client_counts found = counts(200, [](std::size_t) { return reply(content); });
  EXPECT_EQ(found.replies, 198u);  // of the first nothing is counted, and the last comes too late
  EXPECT_EQ(found.bytes, found.replies * content.size());
  EXPECT_EQ(found.compared, 3u);
  EXPECT_EQ(found.wrong + found.closed + found.refused, 0u);
}

TEST_F(clients, see_that_a_reply_is_an_error) {
  const client_counts found =
      counts(10, [](std::size_t n) { return n == 5 ? reply("busy", 503) : reply(content); });
  EXPECT_EQ(found.wrong, 1u);
  EXPECT_EQ(found.closed + found.refused, 0u);
}

TEST_F(clients, see_that_a_reply_has_another_length) {
  const client_counts found =
      counts(10, [](std::size_t n) { return reply(n == 5 ? content.substr(1) : content); });
  EXPECT_EQ(found.wrong, 1u);
}

TEST_F(clients, see_one_other_byte_in_a_reply_that_they_compare) {
  const client_counts found = counts(70, [](std::size_t n) {
    std::string body = content;
    if (n == 64) body.back() = 'y';  // the first one was asked for while connecting
    return reply(body);
  });
  EXPECT_EQ(found.wrong, 1u);
  EXPECT_EQ(found.compared, 0u);
}

TEST_F(clients, see_a_connection_end_and_go_on_with_another) {
  const client_counts found = counts(
      10, [](std::size_t n) { return n == 5 ? std::nullopt : std::optional(reply(content)); });
  EXPECT_EQ(found.closed, 1u);
  EXPECT_EQ(found.refused, 0u);
  EXPECT_EQ(found.replies, 6u);
}

}  // namespace
}  // namespace papers
