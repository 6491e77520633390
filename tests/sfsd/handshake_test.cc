// The handshake: both sides end with the same fresh secrets, or with none.
#include "examples/sfsd/channel/handshake.h"

#include <gtest/gtest.h>

#include "tests/sfsd/support.h"

namespace sfs::test {
namespace {

const std::vector<suite> every_suite(std::begin(all_suites), std::end(all_suites));

bool same(const secret32& a, const secret32& b) { return std::ranges::equal(a.span(), b.span()); }

class a_handshake : public testing::Test {
 protected:
  server_key key = new_key();
  server_settings serving{key, every_suite};
  client_settings expecting{key.path(), every_suite};
};

TEST_F(a_handshake, gives_both_sides_the_same_secrets_and_each_direction_its_own) {
  handshake client(expecting), server(serving);
  converse(client, server);
  ASSERT_TRUE(client.done()) << client.why();
  ASSERT_TRUE(server.done()) << server.why();
  const session_secrets c = client.take_secrets(), s = server.take_secrets();
  EXPECT_TRUE(same(c.client_to_server, s.client_to_server));
  EXPECT_TRUE(same(c.server_to_client, s.server_to_client));
  EXPECT_FALSE(same(c.client_to_server, c.server_to_client));
  EXPECT_EQ(c.id, s.id);
  EXPECT_EQ(c.suite, s.suite);
}

TEST_F(a_handshake, never_gives_the_same_secrets_twice) {
  handshake c1(expecting), s1(serving), c2(expecting), s2(serving);
  converse(c1, s1);
  converse(c2, s2);
  const session_secrets a = c1.take_secrets(), b = c2.take_secrets();
  EXPECT_FALSE(same(a.client_to_server, b.client_to_server));
  EXPECT_FALSE(same(a.server_to_client, b.server_to_client));
  EXPECT_NE(a.id, b.id);
}

TEST_F(a_handshake, works_when_it_comes_byte_by_byte_and_leaves_what_follows_alone) {
  handshake client(expecting), server(serving);
  std::string for_server, for_client;
  while (!client.done() || !server.done()) {
    for_server += client.take_output();
    for_client += server.take_output();
    ASSERT_FALSE(for_server.empty() && for_client.empty()) << client.why() << server.why();
    auto give = [](handshake& to, std::string& text) {
      while (!text.empty() && !to.done()) {
        ASSERT_EQ(to.feed(as_bytes(text.substr(0, 1))), 1u);
        text.erase(0, 1);
      }
    };
    give(server, for_server);
    give(client, for_client);
  }
  EXPECT_EQ(server.feed(as_bytes("records")), 0u);
  EXPECT_EQ(client.feed(as_bytes("records")), 0u);
}

TEST_F(a_handshake, does_not_take_the_records_that_come_in_the_same_packet) {
  handshake client(expecting), server(serving);
  converse(client, server, [&](bool from_client, std::string& message) {
    if (!from_client || !client.done()) return;
    const std::size_t size = message.size();
    message += "the first record";
    EXPECT_EQ(server.feed(as_bytes(message)), size);
    message.clear();
  });
  EXPECT_TRUE(server.done());
}

TEST_F(a_handshake, with_another_server_s_key_is_refused_by_the_client) {
  const server_key impostor = new_key();
  server_settings impersonating(impostor, every_suite);
  handshake client(expecting), server(impersonating);
  converse(client, server);
  EXPECT_TRUE(client.failed());
  EXPECT_NE(client.why().find("HOSTID"), std::string::npos) << client.why();
  EXPECT_TRUE(server.failed());
}

TEST_F(a_handshake, with_the_right_key_under_another_location_is_refused_by_the_client) {
  self_certifying_path moved = key.path();
  moved.location = *server_location::parse("elsewhere");
  client_settings wrong(moved, every_suite);
  handshake client(wrong), server(serving);
  converse(client, server);
  EXPECT_TRUE(client.failed());
  EXPECT_FALSE(server.done());
}

TEST_F(a_handshake, takes_the_client_s_first_suite_that_the_server_allows) {
  auto agreed = [&](std::vector<suite> wanted, std::vector<suite> allowed) -> std::optional<suite> {
    server_settings s(key, std::move(allowed));
    client_settings c(key.path(), wanted);
    handshake client(c), server(s);
    converse(client, server);
    EXPECT_EQ(client.done(), server.done());
    if (!client.done()) return std::nullopt;
    return client.take_secrets().suite;
  };
  using enum suite;
  EXPECT_EQ(agreed({chacha20_poly1305, aes_128_gcm}, every_suite), chacha20_poly1305);
  EXPECT_EQ(agreed({aes_256_gcm, aes_128_gcm}, {chacha20_poly1305, aes_128_gcm}), aes_128_gcm);
  EXPECT_EQ(agreed({aes_128_gcm}, {aes_256_gcm}), std::nullopt);
}

TEST_F(a_handshake, in_which_somebody_changes_the_offered_suites_fails) {
  handshake client(expecting), server(serving);
  converse(client, server, [](bool from_client, std::string& message) {
    const std::size_t at = message.find("sfs1-aes-128-gcm");
    if (from_client && at != std::string::npos) message[at] = 'x';
  });
  EXPECT_FALSE(client.done() && server.done());
}

TEST_F(a_handshake, never_ends_well_on_both_sides_when_a_byte_was_changed) {
  auto random = async::test::make_prng();
  for (int round = 0; round < 200; ++round) {
    handshake client(expecting), server(serving);
    const bool in_clients = random() % 2 == 0;
    std::size_t at = random() % 300;
    bool changed = false;
    converse(client, server, [&](bool from_client, std::string& message) {
      if (from_client != in_clients || changed) return;
      if (at >= message.size()) {
        at -= message.size();
        return;
      }
      message[at] = static_cast<char>(message[at] ^ (1 << random() % 8));
      changed = true;
    });
    if (!changed || !client.done() || !server.done()) continue;
    // TLS ignores the version in a record's header; what matters is that nothing was agreed on that
    // both sides did not say.
    EXPECT_TRUE(
        same(client.take_secrets().client_to_server, server.take_secrets().client_to_server))
        << "round " << round;
  }
}

TEST_F(a_handshake, with_a_client_that_speaks_something_else_fails_at_once) {
  for (std::string_view noise : {"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"}) {
    handshake server(serving);
    server.feed(as_bytes(noise));
    EXPECT_TRUE(server.failed()) << noise;
  }
  handshake server(serving);
  const byte_string zeros(100);
  server.feed(zeros);
  EXPECT_TRUE(server.failed());
}

TEST_F(a_handshake, with_a_client_that_never_comes_to_an_end_is_bounded) {
  handshake server(serving);
  // Half of a record that is as long as a record may be, then another: libssl waits for the rest.
  byte_string endless(handshake_max_input + 1000, 0);
  const std::uint8_t header[] = {22, 3, 1, 0x41, 0x00};
  std::copy(std::begin(header), std::end(header), endless.begin());
  server.feed(endless);
  EXPECT_TRUE(server.failed());
  EXPECT_EQ(server.feed(endless), 0u);
}

// A TLS client of our own making that differs from ours in one thing.
template <class Prepare>
bool server_accepts(const server_settings& serving, Prepare prepare) {
  const ssl_context context{SSL_CTX_new(TLS_client_method())};
  static const unsigned char protocols[] = "\x10sfs1-aes-128-gcm";
  SSL_CTX_set_alpn_protos(context.get(), protocols, sizeof protocols - 1);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  prepare(context.get());
  const ssl_owner ssl{SSL_new(context.get())};
  BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), in, out);
  SSL_set_connect_state(ssl.get());
  handshake server(serving);
  for (int i = 0; i < 4; ++i) {
    SSL_do_handshake(ssl.get());
    char* begin = nullptr;
    const long size = BIO_get_mem_data(out, &begin);
    server.feed({reinterpret_cast<std::uint8_t*>(begin), static_cast<std::size_t>(size)});
    (void)BIO_reset(out);
    const std::string answer = server.take_output();
    BIO_write(in, answer.data(), static_cast<int>(answer.size()));
  }
  return server.done();
}

TEST_F(a_handshake, is_tls_1_3_with_x25519_and_an_agreed_suite_or_nothing) {
  EXPECT_TRUE(server_accepts(serving, [](SSL_CTX*) {}));
  EXPECT_FALSE(server_accepts(
      serving, [](SSL_CTX* c) { SSL_CTX_set_max_proto_version(c, TLS1_2_VERSION); }));
  EXPECT_FALSE(server_accepts(serving, [](SSL_CTX* c) { SSL_CTX_set1_groups_list(c, "P-256"); }));
  EXPECT_FALSE(server_accepts(serving, [](SSL_CTX* c) { SSL_CTX_set_alpn_protos(c, nullptr, 0); }))
      << "a client that offers no suite";
  EXPECT_FALSE(server_accepts(serving, [](SSL_CTX* c) {
    static const unsigned char other[] = "\x02h2";
    SSL_CTX_set_alpn_protos(c, other, 3);
  }));
}

TEST_F(a_handshake, carries_data_afterwards_in_both_directions) {
  handshake client(expecting), server(serving);
  converse(client, server);
  session_secrets c = client.take_secrets(), s = server.take_secrets();
  sender to_server(c.suite, std::move(c.client_to_server), long_ago);
  receiver from_client(s.suite, std::move(s.client_to_server));
  sender to_client(s.suite, std::move(s.server_to_client), long_ago);
  receiver from_server(c.suite, std::move(c.server_to_client));
  byte_string up = sealed(to_server, "question"), down = sealed(to_client, "answer");
  EXPECT_EQ(from_client.open(up), opened::data);
  EXPECT_EQ(from_server.open(down), opened::data);
  EXPECT_EQ(text_in(up), "question");
  EXPECT_EQ(text_in(down), "answer");
  EXPECT_EQ(from_server.open(up), opened::failed);
}

}  // namespace
}  // namespace sfs::test
