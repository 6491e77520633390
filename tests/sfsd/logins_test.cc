// Who a channel's calls are for: HELLO, LOGIN and LOGOUT of the SFS program, over a real channel.
#include "examples/sfsd/server/logins.h"

#include <gtest/gtest.h>

#include "tests/sfsd/live_client.h"

namespace sfs::test {
namespace {

TEST(logins_of_a_channel, have_numbers_that_are_never_given_out_twice) {
  logins all;
  std::vector<std::uint32_t> numbers;
  for (std::size_t i = 0; i < logins::most; ++i) {
    EXPECT_FALSE(all.full());
    numbers.push_back(all.add(user_named(1, 1, {1})));
  }
  EXPECT_TRUE(all.full());
  for (std::uint32_t n : numbers) {
    EXPECT_NE(n, 0u);
    EXPECT_TRUE(all.find(n));
    all.remove(n);
    EXPECT_FALSE(all.find(n));
    const std::uint32_t other = all.add(user_named(2, 2, {2}));
    EXPECT_EQ(std::count(numbers.begin(), numbers.end(), other), 0);
  }
  EXPECT_FALSE(all.find(0));
}

TEST(logins_of_a_channel, have_sequence_numbers_that_grow) {
  logins all;
  EXPECT_TRUE(all.advance(0));
  EXPECT_FALSE(all.advance(0));
  EXPECT_TRUE(all.advance(7));
  EXPECT_FALSE(all.advance(7));
  EXPECT_FALSE(all.advance(6));
  EXPECT_TRUE(all.advance(0xffffffff));
  EXPECT_FALSE(all.advance(0xffffffff));
}

class a_server_with_users : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_act()) GTEST_SKIP() << "this needs root";
    share(server, "shared");
  }
  keys_and_table users;
  running_server server{users.options()};
};

TEST_F(a_server_with_users, does_for_each_what_his_account_may) {
  live_client c(server);
  ASSERT_TRUE(c.connected());
  const std::uint32_t root = c.log_in(users.root_key), nobody = c.log_in(users.nobody_key);
  ASSERT_TRUE(root != 0 && nobody != 0 && root != nobody);
  byte_string top = c.mount(root), shared = c.look_up(top, "shared", root);
  EXPECT_EQ(c.create(shared, "by root", root).first(), NFS3_OK);
  EXPECT_EQ(c.create(shared, "by nobody", nobody).first(), NFS3_OK);
  EXPECT_EQ(c.create(top, "by nobody", nobody).first(), NFS3ERR_ACCES);
  EXPECT_EQ(c.create(shared, "anonymously", 0).first(), NFS3ERR_ACCES);
  const auto owner = [&](const char* name) {
    struct stat st {};
    EXPECT_EQ(::stat((server.scratch().path() / "export/shared" / name).c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0666u) << "whatever the server's umask is";
    return st.st_uid;
  };
  EXPECT_EQ(owner("by root"), 0u);
  EXPECT_EQ(owner("by nobody"), 65534u);
}

TEST_F(a_server_with_users, denies_calls_for_users_that_nobody_logged_in_as) {
  live_client c(server), other(server);
  const std::uint32_t root = c.log_in(users.root_key);
  byte_string top = c.mount(root);
  for (std::uint32_t number : {root + 1, root + 100, 0x7fffffffu, 0xffffffffu}) {
    EXPECT_TRUE(c.create(top, "n", number).denied) << number;
    EXPECT_TRUE(c.get_attributes(top, number).denied) << number;
    EXPECT_TRUE(c.write(top, 0, "x", number).denied) << number;
  }
  EXPECT_TRUE(other.get_attributes(top, root).denied) << "a number is one channel's";
  EXPECT_EQ(c.ask(SFS_PROGRAM, SFSPROC_LOGOUT, xdr_u_int, root).status, rpc_accept::success);
  EXPECT_TRUE(c.get_attributes(top, root).denied) << "not after LOGOUT";
  EXPECT_FALSE(std::filesystem::exists(server.scratch().path() / "export/n"));
}

TEST_F(a_server_with_users, refuses_whoever_does_not_prove_himself_on_this_channel) {
  live_client c(server), other(server);
  EXPECT_EQ(c.log_in(users.stranger), 0u);
  EXPECT_EQ(c.login_status, LOGIN_REFUSED);
  LOGINargs args = c.login_args(users.root_key, 100);
  for (std::size_t bit = 0; bit < SFS_SIGSIZE * 8; bit += 37) {
    LOGINargs flipped = args;
    flipped.sequence = 0;  // also: what was signed has another one
    flipped.signature[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_EQ(c.log_in(flipped), 0u) << bit;
  }
  LOGINargs of_other_key = args;
  std::copy(users.nobody_key.who().key.begin(), users.nobody_key.who().key.end(), of_other_key.key);
  EXPECT_EQ(c.log_in(of_other_key), 0u);
  EXPECT_EQ(other.log_in(args), 0u) << "signed for another channel";
  args.sequence = 101;
  EXPECT_EQ(c.log_in(args), 0u) << "signed for another sequence number";
  EXPECT_NE(c.log_in(c.login_args(users.root_key, 102)), 0u) << "and then lets in who does";
}

TEST_F(a_server_with_users, takes_a_sequence_number_once_and_no_smaller_one_after_it) {
  live_client c(server);
  const LOGINargs args = c.login_args(users.root_key, 7);
  EXPECT_NE(c.log_in(args), 0u);
  EXPECT_EQ(c.log_in(args), 0u) << "again";
  EXPECT_EQ(c.log_in(c.login_args(users.root_key, 6)), 0u);
  LOGINargs wrong = c.login_args(users.root_key, 9);
  wrong.signature[0] ^= 1;
  EXPECT_EQ(c.log_in(wrong), 0u);
  EXPECT_EQ(c.log_in(c.login_args(users.root_key, 9)), 0u) << "a refused one counts too";
  EXPECT_NE(c.log_in(c.login_args(users.root_key, 10)), 0u);
}

TEST_F(a_server_with_users, lets_in_no_more_than_it_has_room_for) {
  live_client c(server);
  std::vector<std::uint32_t> numbers;
  for (std::size_t i = 0; i < logins::most; ++i) {
    numbers.push_back(c.log_in(users.nobody_key));
    ASSERT_NE(numbers.back(), 0u);
  }
  EXPECT_EQ(c.log_in(users.nobody_key), 0u);
  EXPECT_EQ(c.login_status, LOGIN_TOO_MANY);
  c.ask(SFS_PROGRAM, SFSPROC_LOGOUT, xdr_u_int, u_int{numbers[5]});
  EXPECT_NE(c.log_in(users.nobody_key), 0u);
}

TEST_F(a_server_with_users, answers_what_is_wrong_with_a_call_of_the_channels) {
  live_client c(server);
  EXPECT_EQ(c.ask(SFS_PROGRAM, SFSPROC_NULL).status, rpc_accept::success);
  EXPECT_EQ(c.ask(SFS_PROGRAM, 4).status, rpc_accept::proc_unavail);
  EXPECT_EQ(c.ask(SFS_PROGRAM, SFSPROC_HELLO).status, rpc_accept::garbage_args);
  EXPECT_EQ(c.ask(SFS_PROGRAM, SFSPROC_LOGIN).status, rpc_accept::garbage_args);
  EXPECT_EQ(c.ask(SFS_PROGRAM, SFSPROC_LOGOUT).status, rpc_accept::garbage_args);
  EXPECT_EQ(c.ask(SFS_PROGRAM, SFSPROC_NULL, xdr_u_int, 5u).status, rpc_accept::garbage_args);
  EXPECT_EQ(c.ask(SFS_PROGRAM, SFSPROC_LOGOUT, xdr_u_int, 77u).status, rpc_accept::success);
  byte_string message(record_mark_size + rpc_call_size(0));
  store_be32(message.data(), last_fragment | static_cast<std::uint32_t>(rpc_call_size(0)));
  write_call(message.data() + record_mark_size, 5, SFS_PROGRAM, 2, SFSPROC_NULL);
  ASSERT_TRUE(c.send(message));
  const answer a = c.receive();
  EXPECT_EQ(a.status, rpc_accept::prog_mismatch);
  ASSERT_EQ(a.results.size(), 8u) << "RFC 5531: the versions that there are";
  EXPECT_EQ(load_be32(a.results.data()), 1u);
  EXPECT_EQ(load_be32(a.results.data() + 4), 1u);
}

TEST_F(a_server_with_users, drops_the_channel_of_who_is_revoked_and_no_other) {
  live_client nobodys(server), roots(server), left(server);
  ASSERT_NE(nobodys.log_in(users.nobody_key), 0u);
  const std::uint32_t root = roots.log_in(users.root_key);
  byte_string top = roots.mount(root);
  const std::uint32_t gone = left.log_in(users.nobody_key);
  left.ask(SFS_PROGRAM, SFSPROC_LOGOUT, xdr_u_int, u_int{gone});
  users.register_all("revoked=2020-01-01");
  ::kill(server.pid(), SIGHUP);
  EXPECT_TRUE(nobodys.is_dropped());
  EXPECT_EQ(roots.get_attributes(top, root).first(), NFS3_OK);
  EXPECT_EQ(left.get_attributes(top).first(), NFS3_OK) << "who has logged out may stay";
  live_client again(server);
  EXPECT_EQ(again.log_in(users.nobody_key), 0u);
  EXPECT_EQ(again.login_status, LOGIN_REFUSED);
}

TEST_F(a_server_with_users, refuses_a_key_that_has_expired_and_keeps_its_users_if_a_table_is_bad) {
  live_client c(server);
  const std::uint32_t root = c.log_in(users.root_key);
  byte_string top = c.mount(root);
  users.write("this is no table\n");
  ::kill(server.pid(), SIGHUP);
  live_client another(server);
  EXPECT_NE(another.log_in(users.nobody_key), 0u);
  EXPECT_EQ(c.get_attributes(top, root).first(), NFS3_OK);
  users.register_all("expires=2020-01-01");
  ::kill(server.pid(), SIGHUP);
  EXPECT_TRUE(another.is_dropped());
  live_client third(server);
  EXPECT_EQ(third.log_in(users.nobody_key), 0u);
}

TEST_F(a_server_with_users, notices_by_itself_that_the_table_has_changed) {
  live_client nobodys(server);
  ASSERT_NE(nobodys.log_in(users.nobody_key), 0u);
  users.register_all("revoked=2020-01-01");
  EXPECT_TRUE(nobodys.is_dropped());
}

TEST_F(a_server_with_users, drops_a_user_whose_key_has_become_another_users) {
  live_client nobodys(server), roots(server);
  ASSERT_NE(nobodys.log_in(users.nobody_key), 0u);
  ASSERT_NE(roots.log_in(users.root_key), 0u);
  users.write("root " + users.root_key.who().text() + "\nroot " + users.nobody_key.who().text() +
              "\n");
  EXPECT_TRUE(nobodys.is_dropped());
  EXPECT_NE(roots.log_in(users.root_key), 0u) << "he is who he was";
}

// CAP_SYS_RESOURCE: who has it exceeds quotas and takes the blocks that are kept for root.
TEST_F(a_server_with_users, has_given_up_what_would_let_users_exceed_their_quotas) {
  const auto has_it = [](const std::filesystem::path& status_file) {
    std::ifstream status(status_file);
    std::uint64_t set = 0, all = 0;
    for (std::string word; status >> word;)
      if ((word == "CapEff:" || word == "CapPrm:") && status >> std::hex >> set) all |= set;
    return (all >> 24 & 1) != 0;
  };
  if (!has_it("/proc/self/status")) GTEST_SKIP() << "there is nothing to give up";
  live_client c(server);
  ASSERT_TRUE(c.connected());
  const std::string tasks = "/proc/" + std::to_string(server.pid()) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks))
    EXPECT_FALSE(has_it(task.path() / "status")) << task.path();
}

}  // namespace
}  // namespace sfs::test
