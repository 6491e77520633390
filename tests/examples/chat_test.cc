// examples/chat, with many clients: rooms, slow readers, a good end, a successor.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "tests/examples/program.h"
#include "tests/support/support.h"

namespace async::test {
namespace {

const program_options on_any_port{.arguments = {"127.0.0.1:0"}};

// A client in a room.
struct chatter : connection {
  chatter(int port, const std::string& room, int receive_buffer = 0)
      : connection(port, receive_buffer) {
    const std::string welcome = receive_line();
    name = welcome.substr(9, welcome.find('.') - 9);
    enter(room);
  }
  void enter(const std::string& room) {
    send("/join " + room + '\n');
    EXPECT_EQ(receive_line(), "You are in " + room + '.');
  }
  std::string name;
};

void end(program& server) {
  server.kill(SIGTERM);
  const program_result result = server.finish();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
}

TEST(chat_example, tells_a_thousand_members_in_ten_rooms_what_is_said_in_theirs_and_nothing_else) {
  constexpr int count = sanitized ? 200 : 1000, rooms = 10;
  program server("chat/chat", on_any_port);
  const int port = port_of(server);
  std::vector<chatter> members;
  for (int i = 0; i < count; ++i) members.emplace_back(port, "r" + std::to_string(i % rooms));
  for (int i = 0; i < count; ++i) members[i].send("I am in r" + std::to_string(i % rooms) + '\n');
  for (int i = 0; i < count; ++i) {
    const std::string ending = ": I am in r" + std::to_string(i % rooms);
    bool heard_myself = false;
    for (int n = 0; n < count / rooms; ++n) {
      const std::string line = members[i].receive_line();
      EXPECT_TRUE(line.ends_with(ending)) << line;
      heard_myself = heard_myself || line == members[i].name + ending;
    }
    EXPECT_TRUE(heard_myself);
  }
  // A drain tells each, after all that was said.
  server.kill(SIGTERM);
  for (chatter& m : members) EXPECT_EQ(m.receive_all(), "The server ends. Bye.\n");
  EXPECT_EQ(server.finish().status, 0);
}

TEST(chat_example, keeps_what_one_says_in_order) {
  program server("chat/chat", on_any_port);
  const int port = port_of(server);
  chatter speaker(port, "r"), listener(port, "r");
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + '\n';
  speaker.send(text);
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(listener.receive_line(), speaker.name + ": " + std::to_string(i));
  end(server);
}

TEST(chat_example, moves_members_between_rooms_and_says_what_to_do_outside_of_one) {
  program server("chat/chat", on_any_port);
  const int port = port_of(server);
  connection outside(port);
  outside.receive_line();
  outside.send("hello?\n");
  EXPECT_EQ(outside.receive_line(), "You are in no room: /join ROOM");
  chatter a(port, "one"), b(port, "two");
  b.enter("one");
  a.send("welcome\n");
  EXPECT_EQ(b.receive_line(), a.name + ": welcome");
  b.send(std::string(5000, 'x'));
  EXPECT_EQ(b.receive_all(), "Too long.\n");
  end(server);
}

TEST(chat_example, drops_lines_for_a_member_who_does_not_read_and_tells_him_how_many) {
  constexpr int lines = 20'000;
  const std::string text(900, '.');
  program server("chat/chat", on_any_port);
  const int port = port_of(server);
  chatter slow(port, "r", 4096), speaker(port, "r");
  std::counting_semaphore<> may_speak(32);  // so many lines ahead of what he has read
  std::thread speaking([&] {
    for (int i = 0; i < lines; ++i) {
      may_speak.acquire();
      speaker.send(text + '\n');
    }
  });
  // He who reads hears everything.
  for (int i = 0; i < lines; ++i) {
    EXPECT_EQ(speaker.receive_line().size(), speaker.name.size() + 902);
    may_speak.release();
  }
  speaking.join();
  // All that is left of 18 MB is what the kernel and the server's queue had room for. The next line
  // for which there is room again says how many were missed.
  int heard = 0;
  for (std::string line;;) {
    line = slow.receive_line();
    if (line.starts_with("(you have missed ")) {
      EXPECT_GT(std::stoi(line.substr(17)), 0);
      EXPECT_LE(heard + std::stoi(line.substr(17)), lines + heard / 100);
      break;
    }
    if (++heard % 100 == 0) speaker.send("Are you still there?\n");
  }
  end(server);
}

TEST(chat_example, ends_at_the_second_signal_though_somebody_does_not_read) {
  program server("chat/chat", on_any_port);
  const int port = port_of(server);
  chatter deaf(port, "r", 4096), speaker(port, "r");
  const std::string text(900, '.');
  for (int i = 0; i < 20'000; ++i) {
    speaker.send(text + '\n');
    speaker.receive_line();
  }
  server.kill(SIGTERM);
  EXPECT_EQ(speaker.receive_all(), "The server ends. Bye.\n");
  server.kill(SIGTERM);
  EXPECT_EQ(server.finish().status, 0);
}

TEST(chat_example, is_replaced_without_refusing_anybody) {
  program server("chat/chat", on_any_port);
  const int port = port_of(server);
  chatter before(port, "r");
  std::atomic<bool> replaced = false;
  std::thread clients([&] {
    for (int last = 0; last < 20; last += replaced) EXPECT_NO_THROW(connection(port).end());
  });
  server.kill(SIGHUP);
  const std::string told = server.read_line();  // the successor's first
  EXPECT_TRUE(told.starts_with("listening on port " + std::to_string(port) + ", process ")) << told;
  EXPECT_EQ(before.receive_all(), "The server ends. Bye.\n");
  replaced = true;
  clients.join();
  chatter after(port, "r");
  EXPECT_EQ(kill(std::stoi(told.substr(told.rfind(' '))), SIGTERM), 0);
  EXPECT_EQ(after.receive_all(), "The server ends. Bye.\n");
  EXPECT_EQ(server.finish().status, 0);
}

}  // namespace
}  // namespace async::test
