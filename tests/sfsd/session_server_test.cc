// A client's session and what the server says besides replies: users, leases, and nonsense.
#include "tests/sfsd/session_support.h"

namespace sfs::test {
namespace {

// --- Users ---

login_key key_of(std::uint8_t fill) {
  login_key k;
  k.key.fill(fill);
  k.sign = [fill](const session_id& id,
                  std::uint32_t sequence) -> outcome<std::array<std::uint8_t, SFS_SIGSIZE>> {
    std::array<std::uint8_t, SFS_SIGSIZE> s{};
    std::copy(id.begin(), id.end(), s.begin());
    s[32] = fill;
    s[33] = static_cast<std::uint8_t>(sequence);
    return s;
  };
  return k;
}

TEST_F(a_clients_session, logs_its_users_in_on_every_channel_and_calls_with_the_channels_numbers) {
  options.logins = {key_of(1), key_of(2)};
  server.on_call = [](fake_channel&, const rpc_call&) {};
  open();
  EXPECT_EQ(s->login(1)->name, "alice");
  EXPECT_EQ(s->login(3), nullptr);
  for (unsigned login : {0u, 1u, 2u}) ask(login, NFSPROC3_GETATTR, login);
  ASSERT_TRUE(wait_calls(3));
  server.channel().cut();
  ASSERT_TRUE(wait_lost(1));
  answer_all();
  reconnect();
  ASSERT_TRUE(wait_answers(3));
  const std::uint32_t expected[] = {0, 100, 101, 0, 102, 103};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(server.seen[i].user, expected[i]) << i;
  ASSERT_EQ(server.logins.size(), 4u);
  std::uint32_t last = 0;
  for (const seen_call& l : server.logins) {
    xdr_value<LOGINargs, xdr_LOGINargs> args;
    ASSERT_TRUE(args.decode(l.arguments));
    EXPECT_EQ(std::memcmp(args->signature, server.channels[l.channel]->id.data(), 32), 0);
    EXPECT_EQ(args->key[0], args->signature[32]);
    EXPECT_EQ(args->sequence, args->signature[33]);
    if (&l != &server.logins[2]) {
      EXPECT_GT(args->sequence, last);
    }
    last = args->sequence;
  }
}

TEST_F(a_clients_session, logs_in_a_user_who_comes_later_before_it_calls_for_him) {
  open();
  const unsigned number = s->add_login(key_of(5));
  ask(1, NFSPROC3_GETATTR, number);
  ask(2);
  ASSERT_TRUE(wait_answers(2));
  EXPECT_EQ(server.seen[0].user, 100u);
  EXPECT_EQ(server.seen[1].user, 0u);
}

TEST_F(a_clients_session, fails_the_calls_of_users_whom_the_server_refuses) {
  server.login = LOGIN_REFUSED;
  options.logins = {key_of(1)};
  begin();
  ask(1, NFSPROC3_GETATTR, 1);
  ask(2, NFSPROC3_GETATTR, 0);
  ask(3, NFSPROC3_GETATTR, 7);
  ASSERT_TRUE(wait_answers(3));
  EXPECT_EQ(answers[0].why, "the server refuses the user's key");
  EXPECT_EQ(answers[1].why, "there is no such login");
  EXPECT_EQ(answers[2].what, call_reply::kind::results);
  EXPECT_EQ(server.calls(), 1u);
}

TEST_F(a_clients_session, tries_again_when_a_key_does_not_sign_that_has_signed_before) {
  bool broken = false;
  login_key key = key_of(1);
  key.sign = [&broken, sign = key.sign](
                 const session_id& id,
                 std::uint32_t sequence) -> outcome<std::array<std::uint8_t, SFS_SIGSIZE>> {
    if (broken) return sfs::failure{"the agent is away"};
    return sign(id, sequence);
  };
  options.logins = {key};
  open();
  broken = true;
  server.channel().cut();
  ASSERT_TRUE(wait_lost(1));
  ask(1, NFSPROC3_GETATTR, 1);
  time.advance(seconds(5));
  ASSERT_TRUE(wait_lost(2));
  EXPECT_EQ(losses[1], "the user's key did not sign: the agent is away");
  EXPECT_TRUE(answers.empty());
  broken = false;
  reconnect();
  ASSERT_TRUE(wait_answers(1));
  EXPECT_EQ(answers[0].what, call_reply::kind::results);
}

TEST_F(a_clients_session, makes_do_with_a_server_that_knows_neither_hello_nor_users) {
  server.plain = true;
  options.logins = {key_of(1)};
  open();
  ask(1, NFSPROC3_GETATTR, 1);
  ASSERT_TRUE(wait_answers(1));
  EXPECT_EQ(server.seen[0].user, 0u);
  EXPECT_EQ(s->lease(), seconds(0));
  EXPECT_FALSE(s->run());
}

// --- Leases ---

TEST_F(a_clients_session, passes_on_invalidations_and_counts_them) {
  keep_silent();
  open();
  ask(1);
  ASSERT_TRUE(wait_calls(1));
  server.channel().invalidate({{1, 2, 3}, {4}});
  ASSERT_TRUE(run_until(time, [&] { return invalidated.size() == 1; }));
  EXPECT_EQ(invalidated[0], (std::vector<byte_string>{{1, 2, 3}, {4}}));
  ask(2);
  ASSERT_TRUE(wait_calls(2));
  for (int i : {0, 1}) server.channel().reply(server.seen[static_cast<std::size_t>(i)].xid, {});
  ASSERT_TRUE(wait_answers(2));
  EXPECT_LT(answers[0].token.changes, last_invalidation) << "sent before";
  EXPECT_GE(answers[1].token.changes, last_invalidation);
}

TEST_F(a_clients_session, takes_all_attributes_for_changed_when_the_connection_is_lost) {
  open();
  server.channel().cut();
  ASSERT_TRUE(wait_lost(1));
  ASSERT_EQ(invalidated.size(), 1u);
  EXPECT_TRUE(invalidated[0].empty());
}

TEST_F(a_clients_session, believes_a_reply_to_what_it_sent_again_as_little_as_one_from_before) {
  keep_silent();
  open();
  ask(1);
  ASSERT_TRUE(wait_calls(1));
  server.channel().cut();
  ASSERT_TRUE(wait_lost(1));
  answer_all();
  reconnect();
  ASSERT_TRUE(wait_answers(1));
  ask(2);
  ASSERT_TRUE(wait_answers(2));
  EXPECT_LT(answers[0].token.changes, last_invalidation) << "it may be the reply that was lost";
  EXPECT_GE(answers[1].token.changes, last_invalidation);
}

// --- A server that breaks the rules ---

class a_rude_server : public a_clients_session, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(all, a_rude_server, testing::Range(0, 7));

TEST_P(a_rude_server, loses_the_channel_and_nothing_else) {
  keep_silent();
  begin();
  ask(1);
  ASSERT_TRUE(wait_calls(1));
  fake_channel& c = server.channel();
  const std::uint32_t xid = server.seen[0].xid;
  switch (GetParam()) {
    case 0:
      c.reply(xid + 1, {});
      break;
    case 1:
      c.message(byte_string{1, 2, 3});
      break;
    case 2:
      c.message(byte_string(64, 0xff));
      break;
    case 3: {
      byte_string call;
      append_call(call, 1, NFS_PROGRAM, NFSPROC3_NULL);
      c.message(const_bytes(call).subspan(record_mark_size));
      break;
    }
    case 4:
      c.reply(xid, {});
      c.reply(xid, {});
      break;
    case 5:
      c.message(byte_string(70'000));
      break;
    case 6:
      c.invalidate(std::vector<byte_string>(SFS_MAXHANDLES, byte_string(65)));
      break;
  }
  ASSERT_TRUE(wait_lost(1));
  answer_all();
  reconnect();
  ASSERT_TRUE(wait_answers(1));
  EXPECT_EQ(answers.size(), 1u);
}

TEST_F(a_clients_session, takes_no_answer_to_a_call_that_it_has_not_sent_on_this_channel) {
  keep_silent();
  options.window = 1;
  begin();
  ask(1);
  ask(2);
  ASSERT_TRUE(wait_calls(1));
  server.channel().reply(server.seen[0].xid + 1, {});  // the numbers follow each other
  ASSERT_TRUE(wait_lost(1));
  EXPECT_TRUE(answers.empty());
  answer_all();
  reconnect();
  ASSERT_TRUE(wait_answers(2));
  EXPECT_EQ(server.seen[2].xid, server.seen[0].xid + 1) << "else this tests nothing";
}

TEST_F(a_clients_session, takes_no_greeting_that_does_not_decode) {
  server.nonsense = byte_string(12, 1);
  begin();
  ASSERT_TRUE(wait_lost(1));
  EXPECT_EQ(opened, 0u);
  server.nonsense.reset();
  reconnect();
}

}  // namespace
}  // namespace sfs::test
