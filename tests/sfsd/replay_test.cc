// Calls that come twice: carried out once and answered alike, on the same channel and on another
// one of the same client's.
#include <gtest/gtest.h>

#include "examples/sfsd/server/replay_cache.h"
#include "tests/sfsd/live_client.h"

namespace sfs::test {
namespace {

rpc_call call_with(std::uint32_t xid, std::uint32_t procedure, const byte_string& arguments) {
  rpc_call c;
  c.xid = xid;
  c.procedure = procedure;
  c.arguments = arguments;
  return c;
}

TEST(a_replay_cache, finds_the_reply_to_the_same_call_and_to_no_other) {
  replay_cache cache;
  const byte_string arguments{1, 2, 3, 4}, others{1, 2, 3, 5}, none, reply{9, 9};
  EXPECT_TRUE(cache.find(call_with(1, 8, arguments)).empty());
  cache.remember(call_with(1, 8, arguments), reply);
  EXPECT_TRUE(std::ranges::equal(cache.find(call_with(1, 8, arguments)), reply));
  EXPECT_TRUE(cache.find(call_with(2, 8, arguments)).empty());
  EXPECT_TRUE(cache.find(call_with(1, 9, arguments)).empty());
  EXPECT_TRUE(cache.find(call_with(1, 8, others)).empty());
  EXPECT_TRUE(cache.find(call_with(1, 8, none)).empty());
  cache.clear();
  EXPECT_TRUE(cache.find(call_with(1, 8, arguments)).empty());
}

TEST(a_replay_cache, keeps_the_newest) {
  replay_cache cache;
  const byte_string arguments{1};
  auto reply_of = [](std::uint32_t xid) { return byte_string{static_cast<std::uint8_t>(xid), 7}; };
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t xid = 1; xid <= 200; ++xid) {
      cache.remember(call_with(xid, 8, arguments), reply_of(xid));
      for (std::uint32_t old = 1; old <= xid; ++old) {
        const const_bytes found = cache.find(call_with(old, 8, arguments));
        if (old + replay_cache::capacity > xid) {
          ASSERT_TRUE(std::ranges::equal(found, reply_of(old))) << old << " of " << xid;
        } else {
          ASSERT_TRUE(found.empty()) << old << " of " << xid;
        }
      }
    }
    cache.clear();
  }
}

class a_call_that_comes_twice : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_act()) GTEST_SKIP() << "this needs root";
    share(server, "shared");
  }
  bool is_there(const char* name) const {
    return std::filesystem::exists(server.scratch().path() / "export/shared" / name);
  }
  keys_and_table users;
  running_server server{users.options()};
};

TEST_F(a_call_that_comes_twice, on_one_channel_is_carried_out_once) {
  for (bool hello : {false, true}) {
    live_client c(server);
    if (hello) {
      ASSERT_TRUE(c.hello(1).good());
    }
    const std::uint32_t user = c.log_in(users.nobody_key);
    byte_string top = c.mount(user), shared = c.look_up(top, "shared", user);
    const answer made = c.create(shared, "f", user, 50), again = c.create(shared, "f", user, 50);
    EXPECT_EQ(made.first(), NFS3_OK);
    EXPECT_EQ(again.whole, made.whole);
    EXPECT_EQ(c.create(shared, "f", user, 51).first(), NFS3ERR_EXIST) << "another call";
    const answer gone = c.remove(shared, "f", user, 52);
    EXPECT_EQ(gone.first(), NFS3_OK);
    EXPECT_EQ(c.remove(shared, "f", user, 52).whole, gone.whole);
    EXPECT_EQ(c.remove(shared, "f", user, 53).first(), NFS3ERR_NOENT);
    EXPECT_EQ(c.create(shared, "f", user, 50).whole, made.whole) << "and not made again";
    EXPECT_FALSE(is_there("f"));
  }
}

TEST_F(a_call_that_comes_twice, on_another_channel_of_the_client_is_carried_out_once) {
  live_client first(server);
  ASSERT_TRUE(first.hello(7).good());
  EXPECT_FALSE(first.greeting.resumed);
  EXPECT_EQ(first.greeting.max_calls, replay_cache::capacity);
  EXPECT_EQ(first.greeting.lease_seconds, 0u) << "none were asked for";
  const std::uint32_t user = first.log_in(users.nobody_key);
  byte_string top = first.mount(user), shared = first.look_up(top, "shared", user);
  const answer made = first.create(shared, "f", user, 50),
               gone = first.remove(shared, "f", user, 51);
  live_client second(server);
  ASSERT_TRUE(second.hello(7).good());
  EXPECT_TRUE(second.greeting.resumed);
  EXPECT_TRUE(std::ranges::equal(second.greeting.run, first.greeting.run));
  EXPECT_TRUE(first.is_dropped()) << "a client has one channel";
  EXPECT_TRUE(second.create(shared, "f", user, 50).denied) << "users are a channel's";
  const std::uint32_t same = second.log_in(users.nobody_key);
  EXPECT_EQ(second.create(shared, "f", same, 50).whole, made.whole);
  EXPECT_EQ(second.remove(shared, "f", same, 51).whole, gone.whole);
  EXPECT_FALSE(is_there("f"));
  live_client other(server);
  ASSERT_TRUE(other.hello(8).good());
  EXPECT_FALSE(other.greeting.resumed);
  const std::uint32_t third = other.log_in(users.nobody_key);
  EXPECT_EQ(other.create(shared, "f", third, 50).first(), NFS3_OK) << "another client's call";
  EXPECT_TRUE(is_there("f"));
}

TEST_F(a_call_that_comes_twice, while_it_is_still_carried_out_waits_for_its_reply) {
  live_client first(server);
  ASSERT_TRUE(first.hello(7).good());
  const std::uint32_t user = first.log_in(users.nobody_key);
  byte_string top = first.mount(user), shared = first.look_up(top, "shared", user);
  // Calls to keep the first channel busy, and the one that matters behind them; nobody reads.
  byte_string calls;
  constexpr std::uint32_t many = 60;
  for (std::uint32_t n = 0; n < many; ++n) {
    const std::string name = "file " + std::to_string(n);
    auto args = live_client::create_args(shared, name);
    append_call(calls, 100 + n, NFS_PROGRAM, NFSPROC3_CREATE, xdr_CREATE3args, args, user);
  }
  ASSERT_TRUE(first.send(calls));
  live_client second(server);
  ASSERT_TRUE(second.hello(7).good());
  EXPECT_TRUE(second.greeting.resumed);
  const std::uint32_t same = second.log_in(users.nobody_key);
  for (std::uint32_t n = 0; n < many; ++n)
    EXPECT_EQ(second.create(shared, "file " + std::to_string(n), same, 100 + n).first(), NFS3_OK)
        << n << ": whichever channel made it, it was made once";
}

TEST_F(a_call_that_comes_twice, does_not_come_back_after_the_server_has_started_anew) {
  live_client c(server);
  ASSERT_TRUE(c.hello(7).good());
  running_server other(users.options());
  live_client d(other);
  ASSERT_TRUE(d.hello(7).good());
  EXPECT_FALSE(d.greeting.resumed);
  EXPECT_FALSE(std::ranges::equal(d.greeting.run, c.greeting.run));
}

TEST_F(a_call_that_comes_twice, hello_comes_first_or_not_at_all) {
  {
    live_client c(server);
    EXPECT_TRUE(c.hello(1).good());
    EXPECT_EQ(c.hello(1).status, rpc_accept::garbage_args) << "once";
    EXPECT_EQ(c.hello(2).status, rpc_accept::garbage_args);
  }
  {
    live_client c(server);
    EXPECT_TRUE(c.ask(SFS_PROGRAM, SFSPROC_NULL).good());
    EXPECT_EQ(c.hello(3).status, rpc_accept::garbage_args) << "not behind a call that was answered";
  }
  {
    live_client c(server);
    EXPECT_NE(c.log_in(users.nobody_key), 0u);
    EXPECT_EQ(c.hello(3).status, rpc_accept::garbage_args) << "nor behind LOGIN";
  }
  {
    live_client c(server);
    byte_string both;
    append_call(both, 1, NFS_PROGRAM, NFSPROC3_NULL);
    HELLOargs args = live_client::hello_args(3, false);
    append_call(both, 2, SFS_PROGRAM, SFSPROC_HELLO, xdr_HELLOargs, args);
    ASSERT_TRUE(c.send(both));
    EXPECT_TRUE(c.receive().good());
    EXPECT_EQ(c.receive().status, rpc_accept::garbage_args) << "nor in one record with it";
  }
}

TEST_F(a_call_that_comes_twice, three_channels_of_one_client_are_one_in_the_end) {
  std::vector<std::unique_ptr<live_client>> channels;
  for (int i = 0; i < 10; ++i) {
    channels.push_back(std::make_unique<live_client>(server));
    HELLOargs args = live_client::hello_args(9, true);
    byte_string hello;
    append_call(hello, 1, SFS_PROGRAM, SFSPROC_HELLO, xdr_HELLOargs, args);
    ASSERT_TRUE(channels.back()->send(hello));  // the answer is not waited for
  }
  // Which of them was heard last is not known, but all the others are dropped.
  int alive = 0;
  for (auto& c : channels) {
    answer a = c->receive();
    if (!a.came) continue;
    byte_string probe;
    append_call(probe, 2, NFS_PROGRAM, NFSPROC3_NULL);
    alive += c->send(probe) && c->receive().came;
  }
  EXPECT_LE(alive, 10);
  live_client last(server);
  ASSERT_TRUE(last.hello(9).good());
  EXPECT_TRUE(last.greeting.resumed);
  for (auto& c : channels) EXPECT_TRUE(c->is_dropped());
  EXPECT_TRUE(last.ask(NFS_PROGRAM, NFSPROC3_NULL).good());
}

}  // namespace
}  // namespace sfs::test
