// The servers among the examples, each driven by clients of the test.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <future>
#include <string>
#include <vector>

#include "async/async.h"
#include "tests/async/certificates.h"
#include "tests/examples/program.h"

namespace async::test {
namespace {

TEST(echo_example, sends_back_to_each_client_what_it_sent) {
  program server("04_echo", {.arguments = {"0", "3"}});
  const int port = port_of(server);
  std::vector<connection> clients;
  for (int i = 0; i < 3; ++i) clients.emplace_back(port);
  for (int i = 0; i < 3; ++i) clients[i].send("client " + std::to_string(i) + '\n');
  for (int i = 0; i < 3; ++i) EXPECT_EQ(clients[i].receive_line(), "client " + std::to_string(i));
  clients.clear();
  const program_result result = server.finish();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
}

TEST(echo_example, waits_for_a_client_that_sends_faster_than_it_reads) {
  program server("04_echo", {.arguments = {"0", "1"}});
  connection client(port_of(server), 4096);
  std::string text;
  for (int i = 0; text.size() < 16'000'000; ++i) text += std::to_string(i) + '\n';
  // More than the sockets hold.
  auto sending = std::async(std::launch::async, [&] {
    client.send(text);
    client.end();
  });
  EXPECT_TRUE(client.receive_all() == text);  // too long to be shown
  sending.get();
  EXPECT_EQ(server.finish().status, 0);
}

TEST(page_example, sends_all_of_one_page_to_each_client) {
  program server("05_page", {.arguments = {"0", "2"}});
  const int port = port_of(server);
  const std::string expected = "a page of 10000000 bytes\n" + std::string(10'000'000, '.');
  connection first(port, 65536), second(port, 65536);  // so the server has to wait for them
  EXPECT_TRUE(second.receive_all() == expected);
  EXPECT_TRUE(first.receive_all() == expected);
  const program_result result = server.finish();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "page sent\npage sent\n");
}

TEST(streams_example, answers_a_client_that_takes_much_slowly) {
  program server("10_streams", {.arguments = {"0", "1"}});
  connection client(port_of(server), 4096);
  client.send("2 lines\n400000 of much\n");
  EXPECT_EQ(client.receive_line(), "2 2 lines");
  EXPECT_EQ(client.receive_line(), "1 2 lines");
  for (int i = 400'000; i > 0; --i) {
    ASSERT_EQ(client.receive_line(), std::to_string(i) + " 400000 of much");
  }
  client.end();
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_EQ(server.finish().status, 0);
}

TEST(streams_example, speaks_tls_if_it_has_a_certificate) {
  certificates files;
  const tls_identity identity = files.identity("localhost", "server");
  program server("10_streams", {.arguments = {"0", "1", identity.chain, identity.key}});
  const auto trusting = tls_context::client({.authorities = files.authority()});
  std::string answer;
  tcpconnect("127.0.0.1", port_of(server), wrap([&](int fd) {
               const aios_t io = tls_connect(fd, trusting, "localhost");
               io->write("2 secrets\n");
               io->end_output();
               io->read_all(100, wrap([&answer](aios_read& r) {
                              answer = r.text();
                              stop();
                            }));
             }));
  amain();
  EXPECT_EQ(answer, "2 2 secrets\n1 2 secrets\n");
  EXPECT_EQ(server.finish().status, 0);
}

// What 07_colored_hash answers to a line.
std::string hash_of(const std::string& line) {
  std::uint64_t hash = 0;
  for (int round = 0; round < 10'000; ++round) {
    for (const unsigned char c : line) hash = hash * 31 + c;
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016lx", hash);
  return text;
}

TEST(colored_hash_example, answers_each_client_in_order_on_any_number_of_cpus) {
  for (const char* cpus : {"ASYNC_NCPU=1", "ASYNC_NCPU=2", "ASYNC_NCPU=4"}) {
    SCOPED_TRACE(cpus);
    program server("07_colored_hash", {.arguments = {"0", "8"}, .environment = {cpus}});
    const int port = port_of(server);
    std::vector<connection> clients;
    for (int i = 0; i < 8; ++i) clients.emplace_back(port);
    const auto line = [](int client, int n) {
      return n == 2 ? std::string() : std::to_string(100 * client + n);
    };
    // In two pieces, cut in the middle of a line; the first has been read when its line is
    // answered.
    for (int i = 0; i < 8; ++i) clients[i].send(line(i, 0) + '\n' + line(i, 1));
    for (int i = 7; i >= 0; --i) EXPECT_EQ(clients[i].receive_line(), hash_of(line(i, 0)));
    for (int i = 0; i < 8; ++i) clients[i].send("7\n" + line(i, 2) + '\n' + line(i, 3) + '\n');
    for (int i = 7; i >= 0; --i) {
      EXPECT_EQ(clients[i].receive_line(), hash_of(line(i, 1) + '7'));
      EXPECT_EQ(clients[i].receive_line(), hash_of(line(i, 2)));
      EXPECT_EQ(clients[i].receive_line(), hash_of(line(i, 3)));
    }
    clients.clear();
    EXPECT_EQ(server.finish().status, 0);
  }
}

TEST(readme_server, tells_the_hash_of_all_that_was_sent) {
  program server("readme_server", {.arguments = {"0"}, .errors_to_output = true});
  const int port = port_of(server);
  const std::string text(300'000, 'x');
  unsigned hash = 0;
  for (const char c : text) hash = hash * 31 + static_cast<unsigned>(c);
  char expected[16];
  std::snprintf(expected, sizeof expected, "%08x\n", hash);

  connection large(port), empty(port);
  large.send(text);
  empty.end();
  EXPECT_EQ(empty.receive_all(), "00000000\n");
  large.end();
  EXPECT_EQ(large.receive_all(), expected);
  server.kill(SIGTERM);
  EXPECT_EQ(server.finish().status, -SIGTERM);
}

TEST(overload_example, answers_some_and_turns_others_away_when_there_are_too_many) {
  constexpr int count = 2000;  // two seconds' work
  program server("12_overload", {.arguments = {"0", "1"}});
  connection client(port_of(server));
  std::string lines;
  for (int i = 0; i < count; ++i) lines += std::to_string(i) + '\n';
  client.send(lines);
  client.end();
  int done = 0, busy = 0;
  for (int i = 0; i < count; ++i) {
    const std::string answer = client.receive_line(), number = std::to_string(i);
    ASSERT_TRUE(answer == "done: " + number || answer == "busy: " + number) << answer;
    ++(answer.starts_with("done") ? done : busy);
  }
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_GT(done, 0);
  EXPECT_GT(busy, 0);
  EXPECT_EQ(server.finish().status, 0);
}

TEST(secret_client_example, tells_the_addresses_and_what_a_server_of_that_name_answers) {
  certificates files;
  const tls_identity identity = files.identity("localhost", "server");
  program server("10_streams", {.arguments = {"0", "1", identity.chain, identity.key}});
  const std::string port = std::to_string(port_of(server));
  const program_result result =
      run("13_secret_client", {.arguments = {"localhost", port, "1 secret", files.authority()}});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_NE(result.out.find("address 127.0.0.1 is "), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("TLSv1.3 with CN=localhost\n1 1 secret\n"), std::string::npos)
      << result.out;
  EXPECT_EQ(server.finish().status, 0);
}

TEST(secret_client_example, trusts_no_server_of_another_authority) {
  certificates files, others;
  const tls_identity identity = files.identity("localhost", "server");
  program server("10_streams", {.arguments = {"0", "1", identity.chain, identity.key}});
  const std::string port = std::to_string(port_of(server));
  const program_result result =
      run("13_secret_client", {.arguments = {"localhost", port, "1 secret", others.authority()}});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("fatal: localhost: certificate: "), std::string::npos) << result.err;
}

TEST(server_examples, say_that_their_port_is_in_use) {
  program server("04_echo", {.arguments = {"0"}});
  const std::string port = std::to_string(port_of(server));
  for (const char* name : {"04_echo", "05_page", "07_colored_hash", "readme_server"}) {
    const program_result result = run(name, {.arguments = {port}});
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.err, std::string(name) + ": fatal: can't listen: Address already in use\n");
  }
}

}  // namespace
}  // namespace async::test
