// Streams over TLS: what both ends agree on, what is refused, and hostile peers.
#include "async/tls.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>

#include "async/detail/tls_context_impl.h"
#include "tests/async/certificates.h"
#include "tests/async/streams.h"

namespace async::test {
namespace {

class tls : public each_cpu_count {
 protected:
  // Sends "ping" from a client, answers "pong", and tells what both saw.
  struct talk {
    std::string client = "nothing", server = "nothing";  // as told()
    std::error_code client_error, server_error;
    tls_state client_state, server_state;
  };
  talk converse(const std::string& host = "example.org") {
    talk t;
    connected pair;
    const auto server = tls_accept(pair.ours, server_context, nullptr, color::fresh());
    const auto client =
        tls_connect(std::exchange(pair.peer, -1), client_context, host, nullptr, color::fresh());
    std::atomic<int> left{2};
    const auto over = [&] {
      if (--left == 0) stop();
    };
    post(server->its_color(), [&] {
      server->read_line(100, wrap([&](aios_read& r) {
                          t.server = told(r);
                          t.server_error = r.error();
                          t.server_state = tls_state_of(*server);
                          if (r) server->write("pong\n");
                          server->close();
                          over();
                        }));
    });
    post(client->its_color(), [&] {
      client->write("ping\n");
      client->read_line(100, wrap([&](aios_read& r) {
                          t.client = told(r);
                          t.client_error = r.error();
                          t.client_state = tls_state_of(*client);
                          client->close();
                          over();
                        }));
    });
    run();
    return t;
  }
  void serve(tls_server_options options) { server_context = tls_context::server(options); }
  void expect_talk(const talk& t) {
    EXPECT_EQ(t.server, "done:ping") << t.server_error.message();
    EXPECT_EQ(t.client, "done:pong") << t.client_error.message();
  }

  certificates files;
  tls_server_options ours{.identity = files.identity("example.org", "server")};
  ref<tls_context> server_context = tls_context::server(ours);
  ref<tls_context> client_context = tls_context::client({.authorities = files.authority()});
};
ASYNC_TEST_EACH_CPU_COUNT(tls);

TEST_P(tls, both_ends_talk_and_see_a_clean_end) {
  const talk t = converse();
  expect_talk(t);
  EXPECT_EQ(t.client_state.version, "TLSv1.3");
  EXPECT_EQ(t.client_state.peer_subject, "CN=example.org");
  EXPECT_EQ(t.server_state.server_name, "example.org");
  EXPECT_EQ(t.server_state.peer_certificate, "");
}

TEST_P(tls, a_certificate_for_another_name_is_refused) {
  const talk t = converse("example.com");
  EXPECT_EQ(t.client, "error:");
  EXPECT_EQ(t.client_error.message(), "certificate: hostname mismatch");
  EXPECT_EQ(t.server, "error:");
  EXPECT_EQ(&t.server_error.category(), &tls_category());
}

TEST_P(tls, a_certificate_of_a_stranger_is_refused) {
  certificates others;
  client_context = tls_context::client({.authorities = others.authority()});
  EXPECT_EQ(converse().client, "error:");
}

TEST_P(tls, the_certificate_is_chosen_by_name) {
  ours.names = {{"a.example.net", files.identity("a.example.net", "a")},
                {"*.example.com", files.identity("*.example.com", "any")}};
  serve(ours);
  EXPECT_EQ(converse("A.example.net").client_state.peer_subject, "CN=a.example.net");
  EXPECT_EQ(converse("www.example.com").client_state.peer_subject, "CN=*.example.com");
  EXPECT_EQ(converse("example.org").client_state.peer_subject, "CN=example.org");
}

TEST_P(tls, a_protocol_is_agreed_on_or_the_client_refused) {
  ours.alpn = {"h2", "http/1.1"};
  serve(ours);
  client_context =
      tls_context::client({.authorities = files.authority(), .alpn = {"http/1.1", "h2"}});
  talk t = converse();
  expect_talk(t);
  EXPECT_EQ(t.server_state.alpn, "h2");
  EXPECT_EQ(t.client_state.alpn, "h2");
  client_context = tls_context::client({.authorities = files.authority(), .alpn = {"spdy"}});
  EXPECT_EQ(converse().server, "error:");
}

TEST_P(tls, a_client_shows_a_certificate_if_it_is_asked_for_one) {
  ours.client_certificate = tls_client_certificate::require;
  ours.client_authorities = files.authority();
  serve(ours);
  EXPECT_EQ(converse().server, "error:");
  client_context = tls_context::client(
      {.authorities = files.authority(), .identity = files.identity("somebody", "client")});
  const talk t = converse();
  expect_talk(t);
  EXPECT_EQ(t.server_state.peer_subject, "CN=somebody");
  EXPECT_NE(t.server_state.peer_certificate, "");
}

TEST_P(tls, sessions_are_resumed_also_after_a_reload) {
  EXPECT_FALSE(converse().client_state.resumed);
  EXPECT_TRUE(converse().client_state.resumed);
  ASSERT_FALSE(server_context->reload());
  const talk t = converse();
  expect_talk(t);
  EXPECT_TRUE(t.client_state.resumed);
  EXPECT_TRUE(t.server_state.resumed);
}

TEST_P(tls, a_client_whose_authority_was_taken_away_is_refused_after_a_reload) {
  const auto trusted = std::filesystem::path(files.authority()).parent_path() / "trusted.pem";
  std::filesystem::copy_file(files.authority(), trusted);
  ours.client_certificate = tls_client_certificate::require;
  ours.client_authorities = trusted;
  serve(ours);
  client_context = tls_context::client(
      {.authorities = files.authority(), .identity = files.identity("somebody", "client")});
  expect_talk(converse());
  const talk resumed = converse();
  expect_talk(resumed);
  EXPECT_TRUE(resumed.server_state.resumed);
  certificates others;
  std::filesystem::copy_file(others.authority(), trusted,
                             std::filesystem::copy_options::overwrite_existing);
  ASSERT_FALSE(server_context->reload());
  EXPECT_EQ(converse().server, "error:");
}

TEST_P(tls, a_client_resumes_no_session_of_before_its_reload) {
  expect_talk(converse());
  ASSERT_FALSE(client_context->reload());
  const talk t = converse();
  expect_talk(t);
  EXPECT_FALSE(t.client_state.resumed);
}

TEST_P(tls, a_reload_uses_the_new_certificate_and_one_that_fails_changes_nothing) {
  files.identity("new.example.org", "server");
  ASSERT_FALSE(server_context->reload());
  EXPECT_EQ(converse("new.example.org").client, "done:pong");
  files.spoil(ours.identity.chain);
  std::string what;
  EXPECT_TRUE(server_context->reload(&what));
  EXPECT_NE(what.find(ours.identity.chain), std::string::npos) << what;
  EXPECT_EQ(converse("new.example.org").client, "done:pong");
}

TEST_P(tls, a_key_of_another_certificate_is_refused_when_the_context_is_made) {
  const tls_identity other = files.identity("example.org", "other");
  ours.identity.key = other.key;
  try {
    serve(ours);
    FAIL();
  } catch (const std::system_error& e) {
    EXPECT_NE(std::string(e.what()).find(other.key), std::string::npos) << e.what();
  }
}

TEST_P(tls, much_data_goes_both_ways_at_once) {
  const std::string much(sanitized ? 1'000'000 : 5'000'000, 'm');
  connected pair;
  const auto server = tls_accept(pair.ours, server_context, nullptr, color::fresh());
  const auto client = tls_connect(std::exchange(pair.peer, -1), client_context, "example.org",
                                  nullptr, color::fresh());
  std::atomic<int> left{2};
  for (const auto& io : {server, client}) {
    post(io->its_color(), [&, io] {
      suio pieces;
      for (std::size_t at = 0; at < much.size(); at += 1000) pieces.print(much.data() + at, 10);
      const std::size_t total = pieces.resid();
      io->write(pieces);
      io->print(much.data(), much.size());
      io->end_output();
      io->read_all(2 * much.size(), wrap([&, total, io](aios_read& r) {
                     EXPECT_EQ(status_name(r.status()), "done") << r.error().message();
                     EXPECT_EQ(r.size(), much.size() + total);
                     if (--left == 0) stop();
                   }));
    });
  }
  run();
}

// --- Hostile peers ---

// What a server's read tells, when its peer does this with the plain socket.
class tls_hostile : public tls {
 protected:
  std::string told_when(const std::function<void(connected&)>& attack,
                        std::error_code* error = nullptr) {
    connected pair;
    const auto server = tls_accept(pair.ours, server_context);
    std::string got;
    post(color(), [&] {
      server->read_line(100, wrap([&](aios_read& r) {
                          got = told(r);
                          if (error != nullptr) *error = r.error();
                          stop();
                        }));
      server->write("welcome");
    });
    attack(pair);
    run();
    return got;
  }
};
ASYNC_TEST_EACH_CPU_COUNT(tls_hostile);

TEST_P(tls_hostile, garbage_is_an_error) {
  std::error_code error;
  EXPECT_EQ(told_when([](connected& c) { c.send("GET / HTTP/1.1\r\n\r\n"); }, &error), "error:");
  EXPECT_EQ(error.message(), "http request");
  EXPECT_EQ(told_when([](connected& c) { c.send(std::string(100'000, '\0')); }), "error:");
}

TEST_P(tls_hostile, an_end_in_the_handshake_is_truncation) {
  std::error_code error;
  EXPECT_EQ(told_when([](connected& c) { c.end_peer(); }, &error), "error:");
  EXPECT_EQ(error, tls_errc::truncated);
  EXPECT_EQ(told_when(
                [](connected& c) {
                  c.send(std::string("\x16\x03\x01\x01", 4));
                  c.end_peer();
                },
                &error),
            "error:");
  EXPECT_EQ(error, tls_errc::truncated);
}

// A relay between the two that ends the connection without TLS's end.
TEST_P(tls, an_end_that_the_peer_did_not_say_is_truncation) {
  connected pair;
  const int raw = dup(pair.peer);
  const auto server = tls_accept(pair.ours, server_context);
  const auto client = tls_connect(std::exchange(pair.peer, -1), client_context, "example.org");
  std::string got;
  post(color(), [&] {
    client->write("half a li");
    server->read_any(9, wrap([&](aios_read& first) {
                       EXPECT_EQ(told(first), "done:half a li");
                       shutdown(raw, SHUT_RDWR);
                       server->read_line(100, wrap([&](aios_read& r) {
                                           EXPECT_EQ(r.error(), tls_errc::truncated);
                                           got = status_name(r.status());
                                           stop();
                                         }));
                     }));
  });
  run();
  close(raw);
  EXPECT_EQ(got, "error");
}

// A client that ends the handshake and goes on in one breath, and a server that writes before it
// has looked: all happens in callbacks of one color, so that it is the same each time.
TEST_P(tls,
       what_comes_with_the_end_of_the_handshake_is_read_though_something_was_written_meanwhile) {
  connected pair;
  fcntl(pair.peer, F_SETFL, O_NONBLOCK);
  const detail::ssl_context_ptr plain(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(plain.get(), TLS1_3_VERSION);
  const detail::ssl_ptr client(SSL_new(plain.get()));
  SSL_set_fd(client.get(), pair.peer);
  ASSERT_EQ(SSL_connect(client.get()), -1);  // says hello
  const auto server = tls_accept(pair.ours, server_context);
  std::string got;
  server->read_line(100, wrap([&](aios_read& r) {
                      got = told(r);
                      stop();
                    }));
  const std::function<void()> go_on = [&] {
    int there = 0;
    ioctl(pair.peer, FIONREAD, &there);
    if (there == 0) return post(color(), go_on);
    EXPECT_EQ(SSL_connect(client.get()), 1) << "the server has written its part in one turn";
    EXPECT_EQ(SSL_write(client.get(), "ping\n", 5), 5);
    server->write("x");
  };
  post(color(), go_on);
  run();
  EXPECT_EQ(got, "done:ping");
  server->end_output();
  server->when_written(wrap([](std::error_code) { stop(); }));
  run();
  char byte = 0;
  EXPECT_EQ(SSL_read(client.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_P(tls, a_server_may_write_first) {
  for (const bool only_tls13 : {true, false}) {
    connected pair;
    fcntl(pair.peer, F_SETFL, O_NONBLOCK);
    const detail::ssl_context_ptr plain(SSL_CTX_new(TLS_client_method()));
    if (!only_tls13) SSL_CTX_set_max_proto_version(plain.get(), TLS1_2_VERSION);
    const detail::ssl_ptr client(SSL_new(plain.get()));
    SSL_set_fd(client.get(), pair.peer);
    SSL_set_connect_state(client.get());
    const auto server = tls_accept(pair.ours, server_context);
    char got[10] = "";
    const std::function<void()> read = [&] {
      if (SSL_read(client.get(), got, sizeof got - 1) > 0) return stop();
      cpucb(wrap(read));
    };
    post(color(), [&] {
      server->write("welcome");
      read();
    });
    run();
    EXPECT_STREQ(got, "welcome");
  }
}

TEST_P(tls, a_plain_stream_has_no_state) {
  connected pair;
  EXPECT_FALSE(tls_state_of(*aios::make(pair.ours)).established);
}

}  // namespace
}  // namespace async::test
