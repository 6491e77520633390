// The table of clients: whose session it is when channels break and come back in any order.
#include "examples/sfsd/server/sessions.h"

#include <gtest/gtest.h>

#include <map>

namespace sfs::test {
namespace {

client_number client(int n) {
  client_number c{};
  c[0] = static_cast<char>(n);
  c[1] = static_cast<char>(n >> 8);
  return c;
}

using numbers = std::vector<connection_number>;

class a_session : public testing::Test {
 protected:
  struct channel {
    std::unique_ptr<client_session> session;
    bool resumed = false;
    int taken = 0;
  };
  numbers claim(int c, connection_number who) {
    return table.claim(client(c), who, [this, who](std::unique_ptr<client_session> s, bool again) {
      channels[who].session = std::move(s);
      channels[who].resumed = again;
      ++channels[who].taken;
    });
  }
  void end(int c, connection_number who) {
    table.give_back(client(c), who, std::move(channels[who].session));
  }
  // Marks a session, to know it again.
  void remember(connection_number who, std::uint32_t xid) {
    rpc_call call;
    call.xid = xid;
    const std::uint8_t reply[] = {1};
    channels[who].session->replies.remember(call, reply);
  }
  bool knows(connection_number who, std::uint32_t xid) {
    rpc_call call;
    call.xid = xid;
    return channels[who].session && !channels[who].session->replies.find(call).empty();
  }

  session_table table{3};
  std::map<connection_number, channel> channels;
};

TEST_F(a_session, is_kept_for_the_client_who_comes_back) {
  EXPECT_TRUE(claim(7, 1).empty());
  ASSERT_EQ(channels[1].taken, 1);
  EXPECT_FALSE(channels[1].resumed);
  EXPECT_EQ(channels[1].session->number, client(7));
  remember(1, 50);
  end(7, 1);
  EXPECT_EQ(table.parked(), 1u);
  EXPECT_TRUE(claim(7, 2).empty());
  EXPECT_TRUE(channels[2].resumed);
  EXPECT_TRUE(knows(2, 50));
  EXPECT_EQ(table.parked(), 0u);
}

TEST_F(a_session, is_waited_for_while_an_older_channel_has_it) {
  claim(7, 1);
  remember(1, 50);
  EXPECT_EQ(claim(7, 2), numbers{1}) << "who should be dropped";
  EXPECT_EQ(channels[2].taken, 0);
  end(7, 1);
  ASSERT_EQ(channels[2].taken, 1);
  EXPECT_TRUE(channels[2].resumed);
  EXPECT_TRUE(knows(2, 50));
  end(7, 2);
  EXPECT_EQ(table.parked(), 1u);
}

TEST_F(a_session, goes_to_the_newest_who_waits) {
  claim(7, 1);
  remember(1, 50);
  claim(7, 2);
  EXPECT_EQ(claim(7, 3), (numbers{1, 2}));
  end(7, 2);  // has never had it
  end(7, 1);
  EXPECT_EQ(channels[2].taken, 0);
  ASSERT_EQ(channels[3].taken, 1);
  EXPECT_TRUE(knows(3, 50));
}

TEST_F(a_session, is_kept_when_who_waited_for_it_gave_up) {
  claim(7, 1);
  remember(1, 50);
  claim(7, 2);
  end(7, 2);
  EXPECT_EQ(channels[2].taken, 0);
  end(7, 1);
  EXPECT_EQ(channels[2].taken, 0);
  EXPECT_EQ(table.parked(), 1u);
  claim(7, 3);
  EXPECT_TRUE(knows(3, 50));
}

TEST_F(a_session, is_each_clients_own) {
  claim(1, 1);
  claim(2, 2);
  remember(1, 50);
  EXPECT_FALSE(channels[2].resumed);
  EXPECT_FALSE(knows(2, 50));
  end(1, 1);
  end(2, 2);
  claim(1, 3);
  EXPECT_TRUE(knows(3, 50));
}

TEST_F(a_session, given_back_longest_ago_is_forgotten_when_there_are_too_many) {
  for (int c = 0; c < 5; ++c) claim(c, 10 + static_cast<connection_number>(c));
  for (int c : {4, 3, 2, 1, 0}) {
    remember(10 + static_cast<connection_number>(c), 50);
    end(c, 10 + static_cast<connection_number>(c));
  }
  EXPECT_EQ(table.parked(), 3u);
  for (int c = 0; c < 5; ++c) {
    claim(c, 20 + static_cast<connection_number>(c));
    EXPECT_EQ(channels[20 + static_cast<connection_number>(c)].resumed, c < 3) << c;
  }
}

}  // namespace
}  // namespace sfs::test
