// The whole server, as a process: it serves the right bytes whatever is colored, and no client,
// however rude, keeps it from serving the others.
#include <gtest/gtest.h>

#include <thread>

#include "tests/sfsd/server_support.h"

namespace sfs::test {
namespace {

struct way {
  const char *coloring, *cpus;
};

class a_server : public testing::TestWithParam<way> {};

#if defined(ASYNC_UNIPROCESSOR)
constexpr way ways[] = {{"none", "1"}};
#else
constexpr way ways[] = {{"none", "1"}, {"none", "2"}, {"crypto", "2"},
                        {"io", "2"},   {"all", "1"},  {"all", "2"}};
#endif

INSTANTIATE_TEST_SUITE_P(colored, a_server, testing::ValuesIn(ways), [](const auto& info) {
  return std::string(info.param.coloring) + "_on_" + info.param.cpus;
});

TEST_P(a_server, gives_every_client_every_byte) {
  running_server s({"--parallel", GetParam().coloring, "--cpus", GetParam().cpus});
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i)
    clients.emplace_back([&] {
      for (int round = 0; round < 3; ++round) good += s.serves();
    });
  for (auto& c : clients) c.join();
  EXPECT_EQ(good, 24);
  EXPECT_EQ(s.stop().status, 0);
}

TEST_P(a_server, survives_rude_clients_while_it_serves_polite_ones) {
  running_server s({"--parallel", GetParam().coloring, "--cpus", GetParam().cpus});
  std::thread polite([&] {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(s.serves());
  });
  auto random = async::test::make_prng();
  for (int i = 0; i < 40; ++i) {
    if (i % 2 == 0) {  // noise instead of a handshake
      const fd_owner fd = s.raw_socket();
      byte_string noise = random_bytes(random, 100);
      noise[0] = 'G';  // so that it is not the beginning of a TLS record
      (void)::send(fd.get(), noise.data(), noise.size(), MSG_NOSIGNAL);
      if (i % 4 == 0) {
        EXPECT_TRUE(is_closed_by_peer(fd.get()));
      }
    } else {  // a handshake, requests, and away without reading or saying goodbye
      auto channel = s.connect();
      ASSERT_TRUE(channel) << channel.why();
      byte_string calls;
      for (std::uint32_t n = 0; n < 50; ++n) append_call(calls, n, NFS_PROGRAM, NFSPROC3_NULL);
      EXPECT_EQ((*channel)->send(calls), "");
    }
  }
  polite.join();
  EXPECT_EQ(s.stop().status, 0);
}

class one_server : public testing::Test {
 protected:
  running_server server;
};

TEST_F(one_server, is_refused_when_it_does_not_hold_the_key) {
  self_certifying_path wrong = server.path();
  wrong.id = new_key("127.0.0.1").id();
  const auto channel = client_channel::connect(wrong, server.reach());
  ASSERT_FALSE(channel);
  EXPECT_NE(channel.why().find("HOSTID"), std::string::npos);
}

// A channel in parts, of which a test sends what it likes.
client_channel::parts parts_of(const running_server& server) {
  auto channel = server.connect();
  EXPECT_TRUE(channel);
  return (*channel)->take_apart();
}

void send_raw(const fd_owner& fd, const_bytes data) {
  EXPECT_EQ(::send(fd.get(), data.data(), data.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(data.size()));
}

byte_string null_call(sender& s) {
  byte_string call;
  append_call(call, 1, NFS_PROGRAM, NFSPROC3_NULL);
  byte_string frame = frame_with(call);
  s.seal(record_type::data, frame);
  return frame;
}

TEST_F(one_server, closes_a_channel_on_a_changed_a_repeated_and_a_swapped_record) {
  {
    auto p = parts_of(server);
    byte_string frame = null_call(p.to_server);
    frame[20] ^= 1;
    send_raw(p.socket, frame);
    EXPECT_TRUE(is_closed_by_peer(p.socket.get()));
  }
  {
    auto p = parts_of(server);
    const byte_string frame = null_call(p.to_server);
    send_raw(p.socket, frame);
    send_raw(p.socket, frame);
    EXPECT_TRUE(is_closed_by_peer(p.socket.get()));
  }
  {
    auto p = parts_of(server);
    const byte_string first = null_call(p.to_server), second = null_call(p.to_server);
    send_raw(p.socket, second);
    send_raw(p.socket, first);
    EXPECT_TRUE(is_closed_by_peer(p.socket.get()));
  }
  {
    auto mine = parts_of(server), other = parts_of(server);
    send_raw(mine.socket, null_call(other.to_server));
    EXPECT_TRUE(is_closed_by_peer(mine.socket.get())) << "a record of another session";
  }
  EXPECT_TRUE(server.serves());
}

TEST_F(one_server, closes_a_channel_on_what_is_not_rpc) {
  for (const byte_string& nonsense :
       {byte_string(64), byte_string(64, 0xff), byte_string{0x80, 0, 0, 4, 1, 2, 3, 4}}) {
    auto p = parts_of(server);
    byte_string frame = frame_with(nonsense);
    p.to_server.seal(record_type::data, frame);
    send_raw(p.socket, frame);
    EXPECT_TRUE(is_closed_by_peer(p.socket.get()));
  }
}

TEST_F(one_server, answers_calls_however_they_are_cut_and_in_their_order) {
  auto channel = server.connect();
  ASSERT_TRUE(channel);
  byte_string calls;
  for (std::uint32_t n = 0; n < 100; ++n) append_call(calls, n, NFS_PROGRAM, NFSPROC3_NULL);
  for (std::size_t at = 0; at < calls.size(); at += 13)
    ASSERT_EQ((*channel)->send(
                  const_bytes(calls).subspan(at, std::min<std::size_t>(13, calls.size() - at))),
              "");
  for (std::uint32_t n = 0; n < 100; ++n) {
    const auto answer = (*channel)->receive();
    ASSERT_TRUE(answer) << answer.why();
    EXPECT_EQ(parse_reply(*answer)->xid, n);
  }
}

TEST_F(one_server, goes_on_after_its_client_has_changed_keys) {
  auto p = parts_of(server);
  for (int i = 0; i < 3; ++i) {
    byte_string turn(record_overhead);
    p.to_server.ratchet(turn, std::chrono::steady_clock::now());
    send_raw(p.socket, turn);
    send_raw(p.socket, null_call(p.to_server));
    byte_string reply(record_overhead + record_mark_size + rpc_accepted_size);
    ASSERT_EQ(::recv(p.socket.get(), reply.data(), reply.size(), MSG_WAITALL),
              static_cast<ssize_t>(reply.size()));
    EXPECT_EQ(p.from_server.open(reply), opened::data);
  }
}

TEST_F(one_server, ends_a_channel_well_when_the_client_does) {
  auto channel = server.connect();
  ASSERT_TRUE(channel);
  (*channel)->close();
  const auto answer = (*channel)->receive();
  EXPECT_FALSE(answer);
}

TEST_F(one_server, says_goodbye_when_it_is_ended) {
  auto idle = server.connect();
  ASSERT_TRUE(idle);
  byte_string call;  // so that the server knows that the handshake is over
  append_call(call, 1, NFS_PROGRAM, NFSPROC3_NULL);
  ASSERT_EQ((*idle)->send(call), "");
  ASSERT_TRUE((*idle)->receive());
  const finished f = server.stop();
  EXPECT_EQ(f.status, 0);
  const auto answer = (*idle)->receive();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.why(), "the server has ended the connection") << "not: cut off";
}

TEST_F(one_server, loses_no_reply_when_it_is_ended_while_a_client_is_still_asking) {
  auto channel = server.connect();
  ASSERT_TRUE(channel);
  remote_files files(std::move(*channel));
  auto handle = files.walk("data");
  ASSERT_TRUE(handle);
  std::thread asking([&] {
    READ3args args{as_handle(*handle), 0, NFS3_MAXDATA};
    for (std::uint32_t n = 0; n < 5000; ++n) {
      byte_string calls;
      append_call(calls, n, NFS_PROGRAM, NFSPROC3_READ, xdr_READ3args, args);
      if (!files.channel().send(calls).empty()) return;
    }
  });
  std::string why;
  for (std::uint32_t n = 0; why.empty(); ++n) {
    if (n == 20) {
      ::kill(server.pid(), SIGTERM);
    }
    const auto answer = files.channel().receive();
    if (answer) {
      ASSERT_EQ(parse_reply(*answer)->xid, n);
    } else {
      why = answer.why();
    }
  }
  EXPECT_EQ(why, "the server has ended the connection");
  files.channel().hang_up();
  asking.join();
  EXPECT_EQ(server.finish().status, 0);
}

TEST_F(one_server, keeps_its_memory_and_serves_others_when_a_client_does_not_read) {
  ASSERT_TRUE(server.serves());
  auto channel = server.connect();
  ASSERT_TRUE(channel);
  remote_files files(std::move(*channel));
  auto handle = files.walk("data");
  ASSERT_TRUE(handle);
  auto p = files.channel().take_apart();
  byte_string calls;
  READ3args args{as_handle(*handle), 0, NFS3_MAXDATA};
  for (std::uint32_t n = 0; n < 200; ++n)
    append_call(calls, n, NFS_PROGRAM, NFSPROC3_READ, xdr_READ3args, args);
  byte_string frame = frame_with(calls);
  // Asks for some 250 MB, or as much as the server is willing to hear of.
  for (int i = 0; i < 20; ++i) {
    byte_string copy = frame;
    p.to_server.seal(record_type::data, copy);
    if (::send(p.socket.get(), copy.data(), copy.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) break;
  }
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(server.serves());
  EXPECT_LT(server.resident_kb(), 60'000u);
}

TEST_F(one_server, gives_back_the_memory_of_clients_that_are_silent_and_serves_them_again) {
  std::vector<std::unique_ptr<remote_files>> crowd;
  std::vector<file_handle> handles;
  auto read_by = [&](std::size_t i) {
    std::uint64_t got = 0;
    const auto size = crowd[i]->read_all(handles[i], 16, [&](std::uint64_t, const_bytes data) {
      got += data.size();
      return std::string();
    });
    return size && got == server.content().size();
  };
  const std::size_t before = server.resident_kb();
  for (std::size_t i = 0; i < 100; ++i) {
    auto channel = server.connect();
    ASSERT_TRUE(channel) << channel.why();
    crowd.push_back(std::make_unique<remote_files>(std::move(*channel)));
    handles.push_back(std::move(*crowd[i]->walk("data")));
    ASSERT_TRUE(read_by(i));
  }
  if (!async::test::sanitized) {                    // which keep memory that was freed
    const std::size_t enough = before + 100 * 150;  // kilobytes for each; a busy one has some 300
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (server.resident_kb() > enough && std::chrono::steady_clock::now() < give_up)
      ::poll(nullptr, 0, 50);
    EXPECT_LE(server.resident_kb(), enough);
  }
  for (std::size_t i = 0; i < crowd.size(); i += 10) EXPECT_TRUE(read_by(i));
}

TEST(a_server_with_limits, turns_away_those_that_are_too_many) {
  running_server s({"--max-clients", "2"});
  auto a = s.connect(), b = s.connect();
  ASSERT_TRUE(a && b);
  EXPECT_FALSE(s.connect());
  (*a)->close();
  EXPECT_FALSE((*a)->receive());
  auto c = s.connect();  // the server may count the one that left a little longer
  for (int i = 0; i < 1000 && !c; ++i) c = s.connect();
  EXPECT_TRUE(c);
}

TEST(a_server_with_limits, drops_who_does_not_come_to_the_point_and_who_falls_silent) {
  running_server s({"--handshake-timeout", "1", "--idle-timeout", "2"});
  const fd_owner dumb = s.raw_socket();
  auto silent = s.connect();
  ASSERT_TRUE(silent);
  EXPECT_TRUE(is_closed_by_peer(dumb.get()));
  const auto answer = (*silent)->receive();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.why(), "the connection was cut off");
  EXPECT_TRUE(s.serves());
}

TEST(a_server_with_limits, waits_when_it_is_out_of_file_descriptors_and_goes_on_then) {
  if (async::test::under_asan)
    GTEST_SKIP()
        << "the sanitizer makes pipes to see whether memory is there: it needs descriptors";
  running_server s;
  const rlimit few{40, 40};
  ASSERT_EQ(::prlimit(s.pid(), RLIMIT_NOFILE, &few, nullptr), 0);
  std::vector<fd_owner> crowd;
  for (int i = 0; i < 80; ++i) crowd.push_back(s.raw_socket());
  crowd.clear();
  EXPECT_TRUE(s.serves());
  const finished f = s.stop();
  EXPECT_EQ(f.status, 0) << f.errors;
}

TEST(a_server_with_limits, speaks_only_the_suites_that_it_allows) {
  running_server s({"--suite", "chacha20-poly1305"});
  client_options o = s.reach();
  o.suites = {suite::aes_128_gcm, suite::chacha20_poly1305};
  const auto both = client_channel::connect(s.path(), o);
  ASSERT_TRUE(both);
  EXPECT_EQ((*both)->suite(), suite::chacha20_poly1305);
  o.suites = {suite::aes_128_gcm};
  EXPECT_FALSE(client_channel::connect(s.path(), o));
}

TEST(a_server_that_is_ended_twice, does_not_wait_for_a_client_that_does_not_read) {
  running_server s;
  auto channel = s.connect();
  ASSERT_TRUE(channel);
  remote_files files(std::move(*channel));
  auto handle = files.walk("data");
  auto p = files.channel().take_apart();
  byte_string calls;
  READ3args args{as_handle(*handle), 0, NFS3_MAXDATA};
  for (std::uint32_t n = 0; n < 600; ++n)
    append_call(calls, n, NFS_PROGRAM, NFSPROC3_READ, xdr_READ3args, args);
  for (std::size_t at = 0; at < calls.size(); at += 50'000) {
    byte_string frame = frame_with(
        const_bytes(calls).subspan(at, std::min<std::size_t>(50'000, calls.size() - at)));
    p.to_server.seal(record_type::data, frame);
    send_raw(p.socket, frame);
  }
  EXPECT_TRUE(s.serves());
  ::kill(s.pid(), SIGTERM);
  EXPECT_EQ(s.stop(SIGINT).status, 0);
}

}  // namespace
}  // namespace sfs::test
