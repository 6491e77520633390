// A client's session: calls are answered once, in whatever way the connection, the server and the
// network misbehave meanwhile. The server is the test's own (fake_server.h), and so is the clock.
#include "tests/sfsd/session_support.h"

namespace sfs::test {
namespace {

TEST_F(a_clients_session, answers_calls_with_what_the_server_says) {
  server.on_call = [](fake_channel& c, const rpc_call& call) { c.reply(call.xid, call.arguments); };
  begin();
  for (unsigned n = 0; n < 200; ++n) EXPECT_TRUE(ask(n));
  EXPECT_TRUE(answers.empty()) << "an answer came from within call()";
  ASSERT_TRUE(wait_answers(200));
  for (unsigned n = 0; n < 200; ++n) {
    EXPECT_EQ(answers[n].call, n);
    EXPECT_EQ(answers[n].results.back(), n);
  }
  EXPECT_EQ(s->unanswered(), 0u);
  EXPECT_EQ(s->lease(), seconds(60));
  EXPECT_EQ(s->run()->at(2), 3);
}

// --- Sending ---

TEST_F(a_clients_session, sends_what_was_asked_together_in_order_and_within_the_window) {
  keep_silent();
  server.hello.max_calls = 10;
  options.window = 64;
  begin();
  for (unsigned n = 0; n < 30; ++n) ask(n);
  ASSERT_TRUE(wait_calls(10));
  EXPECT_EQ(s->unanswered(), 30u);
  for (unsigned n = 0; n < 10; ++n) EXPECT_EQ(server.seen[n].arguments.back(), n);
  answer_all();
  for (unsigned n = 9; n-- > 0;) server.channel().reply(server.seen[n].xid, {});
  server.channel().reply(server.seen[9].xid, {});
  ASSERT_TRUE(wait_answers(30));
  EXPECT_EQ(answers[0].call, 8u) << "in the order of the answers";
  for (unsigned n = 0; n < 30; ++n) EXPECT_EQ(server.seen[n].arguments.back(), n);
}

TEST_F(a_clients_session, never_has_more_under_way_than_its_own_window) {
  keep_silent();
  server.hello.max_calls = 0xffffffff;
  options.window = 3;
  begin();
  for (unsigned n = 0; n < 10; ++n) ask(n);
  for (unsigned n = 0; n < 10; ++n) {
    ASSERT_TRUE(wait_calls(n + 1));
    EXPECT_LE(server.calls(), n + 3);
    server.channel().reply(server.seen[n].xid, {});
  }
  ASSERT_TRUE(wait_answers(10));
}

TEST_F(a_clients_session,
       takes_no_more_calls_than_its_queue_has_bytes_for_and_tells_when_it_has_room) {
  keep_silent();
  options.max_queued = 1000;
  options.window = 4;
  open();
  unsigned taken = 0;
  while (!s->full()) EXPECT_TRUE(ask(taken++, NFSPROC3_GETATTR, 0, byte_string(100)));
  EXPECT_EQ(taken, 10u);
  EXPECT_FALSE(ask(99));
  EXPECT_EQ(rooms, 0u);
  ASSERT_TRUE(wait_calls(4));
  answer_all();
  for (unsigned n = 0; n < 4; ++n) server.channel().reply(server.seen[n].xid, {});
  ASSERT_TRUE(wait_answers(10));
  EXPECT_EQ(rooms, 1u);
  EXPECT_EQ(answers.size(), 10u) << "the call that was not taken is not answered";
}

TEST_F(a_clients_session, sends_data_behind_the_arguments_and_pads_it) {
  begin();
  session_call c{NFS_PROGRAM, NFSPROC3_WRITE, {1, 2, 3, 4}, {}, 0};
  byte_string data(65'533, 7);
  c.data.print(byte_string(data));
  bool good = false;
  EXPECT_TRUE(s->call(std::move(c), async::wrap([&](const call_reply& r) {
                        good = r.what == call_reply::kind::results;
                      })));
  ASSERT_TRUE(run_until(time, [&] { return good; }));
  byte_string expected(65'540, 7);
  for (std::uint8_t i = 0; i < 4; ++i) expected[i] = static_cast<std::uint8_t>(i + 1);
  std::fill(expected.end() - 3, expected.end(), std::uint8_t{0});
  EXPECT_EQ(server.seen.at(0).arguments, expected);
}

TEST_F(a_clients_session, fails_a_call_that_fits_no_record) {
  begin();
  ask(1, NFSPROC3_WRITE, 0, byte_string(record_max_payload));
  ask(2);
  ASSERT_TRUE(wait_answers(2));
  EXPECT_EQ(answers[0].what, call_reply::kind::failed);
  EXPECT_EQ(answers[0].why, "the call is too long");
  EXPECT_EQ(answers[1].what, call_reply::kind::results);
}

TEST_F(a_clients_session, passes_on_what_the_servers_rpc_layer_refuses) {
  server.on_call = [](fake_channel& c, const rpc_call& call) {
    c.reply(call.xid, {}, rpc_accept::garbage_args);
  };
  begin();
  ask(1);
  ASSERT_TRUE(wait_answers(1));
  EXPECT_EQ(answers[0].what, call_reply::kind::refused);
}

TEST_F(a_clients_session, says_goodbye_and_fails_what_is_left_when_it_is_ended) {
  keep_silent();
  begin();
  ask(1);
  ASSERT_TRUE(wait_calls(1));
  s->end();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].what, call_reply::kind::failed);
  EXPECT_TRUE(run_until(time, [&] { return server.channel().said_goodbye; }));
  ask(2);
  ASSERT_TRUE(wait_answers(2));
  EXPECT_EQ(answers[1].why, "the session has ended");
}

TEST_F(a_clients_session, can_be_let_go_of_by_the_callback_of_an_answer) {
  begin();
  bool answered = false;
  s->call({NFS_PROGRAM, NFSPROC3_NULL, {}, {}, 0}, async::wrap([&](const call_reply&) {
            answered = true;
            s->end();
            s = nullptr;
          }));
  EXPECT_TRUE(run_until(time, [&] { return answered; }));
}

// --- Coming back ---

TEST_F(a_clients_session, sends_again_what_was_not_answered_in_its_order_with_its_xids) {
  server.on_call = [](fake_channel& c, const rpc_call& call) {
    if (call.arguments.back() % 2) c.reply(call.xid, {});
  };
  begin();
  for (unsigned n = 0; n < 10; ++n) ask(n);
  ASSERT_TRUE(wait_answers(5));
  server.channel().cut();
  ASSERT_TRUE(wait_lost(1));
  for (unsigned n = 10; n < 13; ++n) ask(n);
  answer_all();
  reconnect();
  ASSERT_TRUE(wait_answers(13));
  const auto first = xids(0), second = xids(1);
  ASSERT_EQ(second.size(), 8u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(second[i], first[2 * i]);
  for (std::size_t i = 0; i < 8; ++i)
    EXPECT_EQ(server.seen[10 + i].arguments.back(), i < 5 ? 2 * i : i + 5);
  ASSERT_EQ(server.hellos.size(), 2u);
  EXPECT_EQ(std::memcmp(server.hellos[0].client, server.hellos[1].client, SFS_CLIENTSIZE), 0);
  EXPECT_EQ(restarts, 0u);
}

TEST_F(a_clients_session, sends_again_before_what_was_not_sent_yet) {
  keep_silent();
  options.window = 3;
  begin();
  for (unsigned n = 0; n < 8; ++n) ask(n);
  ASSERT_TRUE(wait_calls(3));
  server.channel().cut();
  ASSERT_TRUE(wait_lost(1));
  answer_all();
  reconnect();
  ASSERT_TRUE(wait_answers(8));
  for (std::size_t n = 0; n < 8; ++n) {
    EXPECT_EQ(answers[n].call, n);
    EXPECT_EQ(server.seen[3 + n].arguments.back(), n);
  }
}

TEST_F(a_clients_session, tells_once_that_the_server_is_silent_while_it_was_never_open) {
  count_silences();
  server.silent = true;
  begin();
  time.advance(milliseconds(1499));
  EXPECT_EQ(silences, 0u);
  time.advance(milliseconds(1));
  EXPECT_EQ(silences, 1u);
  server.silent = false;
  ASSERT_TRUE(run_until(time, [&] {
    time.advance(seconds(5));
    return opened == 1;
  }));
  server.silent = true;
  server.channel().cut();
  ASSERT_TRUE(wait_lost(losses.size() + 1));
  time.advance(seconds(60));
  EXPECT_EQ(silences, 1u);
}

TEST_F(a_clients_session, does_not_call_a_server_silent_that_has_answered) {
  count_silences();
  open();
  time.advance(seconds(10));
  EXPECT_EQ(silences, 0u);
}

TEST_F(a_clients_session, waits_longer_each_time_that_connecting_fails_and_never_very_long) {
  server.refusing = true;
  begin();
  std::vector<double> pauses;
  for (std::size_t n = 1; n <= 12; ++n) {
    ASSERT_TRUE(wait_lost(n));
    EXPECT_EQ(server.attempts, n);
    pauses.push_back(std::chrono::duration<double>(time.next()).count());
    time.advance(time.next());
  }
  for (std::size_t n = 0; n < pauses.size(); ++n) {
    const double most = std::min(5.0, 0.1 * static_cast<double>(1 << n));
    EXPECT_GE(pauses[n], most / 2 - 0.001) << n;
    EXPECT_LE(pauses[n], most + 0.001) << n;
  }
  std::sort(pauses.begin() + 6, pauses.end());
  EXPECT_NE(pauses[6], pauses.back()) << "without chance";
  server.refusing = false;
  EXPECT_TRUE(run_until(time, [&] {
    time.advance(milliseconds(100));
    return opened == 1;
  }));
}

TEST_F(a_clients_session, begins_with_short_pauses_again_only_when_a_call_was_answered) {
  keep_silent();
  begin();
  ask(1);
  for (std::size_t n = 1; n <= 8; ++n) {
    ASSERT_TRUE(wait_calls(n));
    if (n == 8) break;
    server.channel().cut();
    ASSERT_TRUE(wait_lost(n));
    if (n == 7) {
      EXPECT_GE(time.next(), milliseconds(2500));
    }
    time.advance(seconds(5));
  }
  server.channel().reply(server.seen.back().xid, {});
  ASSERT_TRUE(wait_answers(1));
  server.channel().cut();
  ASSERT_TRUE(wait_lost(8));
  EXPECT_LE(time.next(), milliseconds(100));
}

TEST_F(a_clients_session, gives_up_a_connection_on_which_a_call_is_not_answered_in_time) {
  keep_silent();
  begin();
  ask(1);
  ASSERT_TRUE(wait_calls(1));
  time.advance(seconds(29));
  EXPECT_TRUE(losses.empty());
  time.advance(seconds(1));
  ASSERT_EQ(losses.size(), 1u);
  answer_all();
  reconnect();
  ASSERT_TRUE(wait_answers(1));
  EXPECT_EQ(xids(0), xids(1));
}

TEST_F(a_clients_session, asks_for_less_at_once_after_a_connection_was_too_slow) {
  keep_silent();
  options.window = 16;
  begin();
  for (unsigned n = 0; n < 32; ++n) ask(n);
  ASSERT_TRUE(wait_calls(16));
  time.advance(seconds(30));
  reconnect();
  ASSERT_TRUE(wait_calls(24));
  EXPECT_EQ(server.calls(), 24u);
}

TEST_F(a_clients_session, gives_up_a_connection_that_does_not_open_in_time) {
  server.silent = true;
  begin();
  ASSERT_TRUE(run_until(time, [&] { return server.channels.size() == 1; }));
  ASSERT_TRUE(run_until(time, [&] { return server.channel().id != session_id{}; }));
  run_until(time, [&] { return time.next() > seconds(14); });
  time.advance(seconds(15));
  ASSERT_EQ(losses.size(), 1u);
  server.silent = false;
  time.advance(seconds(5));
  EXPECT_TRUE(run_until(time, [&] { return opened == 1; }));
}

TEST_F(a_clients_session, asks_a_silent_server_whether_it_is_still_there) {
  open();
  time.advance(seconds(60));
  ASSERT_TRUE(wait_calls(1));
  EXPECT_EQ(server.seen[0].procedure, static_cast<std::uint32_t>(NFSPROC3_NULL));
  ASSERT_TRUE(run_until(time, [&] { return s->unanswered() == 0; }));
  keep_silent();
  time.advance(seconds(61));
  ASSERT_TRUE(wait_calls(2));
  time.advance(seconds(30));
  EXPECT_EQ(losses.size(), 1u);
}

TEST_F(a_clients_session, fails_calls_when_it_has_waited_long_enough_but_goes_on_trying) {
  options.give_up_after = seconds(20);
  server.refusing = true;
  begin();
  ask(1);
  const auto began = time.now();
  run_until(time, [&] {
    time.advance(milliseconds(100));
    return !answers.empty();
  });
  EXPECT_EQ(time.now() - began, seconds(20));
  EXPECT_EQ(answers[0].what, call_reply::kind::failed);
  EXPECT_TRUE(answers[0].why.starts_with("cannot connect")) << answers[0].why;
  ask(2);
  EXPECT_EQ(answers.size(), 1u);
  ASSERT_TRUE(wait_answers(2)) << "at once";
  server.refusing = false;
  run_until(time, [&] {
    time.advance(milliseconds(100));
    return opened == 1;
  });
  ask(3);
  ASSERT_TRUE(wait_answers(3));
  EXPECT_EQ(answers[2].what, call_reply::kind::results);
}

TEST_F(a_clients_session, fails_for_good_when_another_key_answers) {
  keep_silent();
  begin();
  ask(1);
  ASSERT_TRUE(wait_calls(1));
  server.change_key();
  server.channel().cut();
  ASSERT_TRUE(wait_lost(1));
  time.advance(seconds(5));
  ASSERT_TRUE(run_until(time, [&] { return !failure.empty(); }));
  EXPECT_NE(failure.find("HOSTID"), std::string::npos) << failure;
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].why, failure);
  EXPECT_TRUE(s->has_failed());
  ask(2);
  ASSERT_TRUE(wait_answers(2));
  EXPECT_EQ(time.next(), fake_timing::clock::duration{}) << "it tries no more";
}

TEST_F(a_clients_session, tells_when_the_server_was_restarted) {
  open();
  for (unsigned n = 1; n <= 2; ++n) {
    server.channel().cut();
    ASSERT_TRUE(wait_lost(n));
    if (n == 2) server.hello.run[0] = 9;
    reconnect();
    EXPECT_EQ(restarts, n - 1);
  }
}

}  // namespace
}  // namespace sfs::test
