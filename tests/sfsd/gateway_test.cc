// The gateway: who may use it, what it passes on, and what becomes of it when its clients, its
// server or the connection between them misbehave. A real server, a real sfscd, and clients that
// speak plain NFS.
#include <thread>

#include "tests/sfsd/gateway_support.h"

namespace sfs::test {
namespace {

class a_gateway : public testing::Test {
 protected:
  // Whether a client can read the whole file through it.
  bool reads_all(plain_client& c) {
    byte_string root = c.mount(), file = c.look_up(root, "data");
    const byte_string& content = server.content();
    byte_string got;
    while (got.size() < content.size()) {
      auto res = c.call<READ3res, xdr_READ3res>(NFS_PROGRAM, NFSPROC3_READ, xdr_READ3args,
                                                READ3args{as_handle(file), got.size(), 65536});
      if ((*res)->status != NFS3_OK) return false;
      const auto& data = (*res)->READ3res_u.resok.data;
      if (data.data_len == 0) return false;
      got.insert(got.end(), data.data_val, data.data_val + data.data_len);
    }
    return got == content;
  }
  running_server server;
};

TEST_F(a_gateway, gives_plain_nfs_clients_what_the_server_has) {
  running_gateway g(server);
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i)
    clients.emplace_back([&] {
      plain_client c(g.port);
      EXPECT_TRUE(reads_all(c));
    });
  for (auto& c : clients) c.join();
  const finished f = g.stop();
  EXPECT_EQ(f.status, 0);
  EXPECT_EQ(f.errors, "");
}

TEST_F(a_gateway, serves_both_programs_on_each_of_its_ports) {
  running_gateway g(server, {"--mount-port", "0"});
  EXPECT_NE(g.port, g.mount_port);
  for (const std::uint16_t port : {g.port, g.mount_port}) {
    plain_client c(port);
    EXPECT_TRUE(reads_all(c));
  }
}

TEST_F(a_gateway, answers_what_there_is_not_as_rpc_says) {
  running_gateway g(server);
  plain_client c(g.port);
  const auto status = [&](std::uint32_t program, std::uint32_t procedure, std::uint32_t version) {
    byte_string call;
    append_call(call, 1, program, procedure);
    store_be32(call.data() + record_mark_size + 16, version);
    c.send_bytes(call);
    const byte_string reply = c.receive();
    return parse_reply(reply)->status;
  };
  EXPECT_EQ(status(NFS_PROGRAM, 0, 3), rpc_accept::success);
  EXPECT_EQ(status(MOUNT_PROGRAM, 0, 3), rpc_accept::success);
  EXPECT_EQ(status(NFS_PROGRAM, 0, 4), rpc_accept::prog_mismatch);
  EXPECT_EQ(status(NFS_PROGRAM, 22, 3), rpc_accept::proc_unavail);
  EXPECT_EQ(status(MOUNT_PROGRAM, 6, 3), rpc_accept::proc_unavail);
  EXPECT_EQ(status(MOUNT_PROGRAM, 2, 3), rpc_accept::success);
  EXPECT_EQ(status(MOUNT_PROGRAM, 4, 3), rpc_accept::success);
  EXPECT_EQ(status(100000, 0, 2), rpc_accept::prog_unavail);
  EXPECT_EQ(status(SFS_PROGRAM, 0, 1), rpc_accept::prog_unavail) << "not for its clients";
  EXPECT_EQ(status(NFS_PROGRAM, 1, 3), rpc_accept::garbage_args) << "the server's word";
}

TEST_F(a_gateway, takes_calls_in_pieces_of_any_size) {
  running_gateway g(server);
  plain_client c(g.port);
  byte_string call;
  append_call(call, 77, MOUNT_PROGRAM, MOUNTPROC3_EXPORT);
  byte_string pieces;
  for (std::size_t at = record_mark_size; at < call.size(); at += 4) {
    std::uint8_t mark[4];
    store_be32(mark, 4 | (at + 4 == call.size() ? last_fragment : 0));
    pieces.insert(pieces.end(), mark, mark + 4);
    pieces.insert(pieces.end(), call.begin() + static_cast<std::ptrdiff_t>(at),
                  call.begin() + static_cast<std::ptrdiff_t>(at) + 4);
  }
  for (const std::uint8_t b : pieces) c.send_bytes({&b, 1});
  const byte_string reply = c.receive();
  EXPECT_EQ(parse_reply(reply)->xid, 77u);
}

TEST_F(a_gateway, drops_who_does_not_speak_rpc_and_names_him) {
  running_gateway g(server);
  const byte_string noise[] = {byte_string(64, 0xff), byte_string{0x80, 0, 0, 4, 1, 2, 3, 4},
                               byte_string{0, 0, 0, 0}, byte_string{0x80, 2, 0, 0}};
  for (const byte_string& n : noise) {
    plain_client c(g.port);
    c.send_bytes(n);
    EXPECT_TRUE(is_closed_by_peer(c.fd()));
  }
  plain_client polite(g.port);
  EXPECT_TRUE(reads_all(polite));
  const finished f = g.stop();
  EXPECT_EQ(std::ranges::count(f.errors, '\n'), 4);
  EXPECT_NE(f.errors.find("127.0.0.1 port "), std::string::npos) << f.errors;
}

TEST_F(a_gateway, keeps_its_memory_when_a_client_does_not_read_and_serves_others) {
  running_gateway g(server);
  plain_client rude(g.port);
  byte_string root = rude.mount(), file = rude.look_up(root, "data");
  byte_string calls;
  for (std::uint32_t n = 0; n < 1000; ++n) {
    READ3args args{as_handle(file), 0, 65536};
    append_call(calls, n, NFS_PROGRAM, NFSPROC3_READ, xdr_READ3args, args);
  }
  for (int i = 0; i < 50; ++i)
    if (::send(rude.fd(), calls.data(), calls.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) break;
  for (int i = 0; i < 3; ++i) {
    plain_client polite(g.port);
    EXPECT_TRUE(reads_all(polite));
  }
  EXPECT_LT(g.resident_kb(), async::test::sanitized ? 400'000u : 60'000u);
}

TEST_F(a_gateway, turns_away_those_that_are_too_many) {
  running_gateway g(server, {"--max-clients", "2"});
  plain_client a(g.port), b(g.port);
  a.mount();
  b.mount();
  plain_client c(g.port);
  EXPECT_TRUE(is_closed_by_peer(c.fd()));
  a.mount();
}

TEST_F(a_gateway, says_once_what_to_do_when_it_may_not_be_anonymous) {
  running_server closed({"--anonymous", "nothing"});
  running_gateway g(closed, {"--no-login"});
  plain_client c(g.port);
  char slash[] = "/";
  for (int i = 0; i < 2; ++i) {
    auto res = c.call<mountres3, xdr_mountres3>(MOUNT_PROGRAM, MOUNTPROC3_MNT, xdr_dirpath,
                                                dirpath{1, slash});
    EXPECT_EQ((*res)->fhs_status, MNT3ERR_ACCES);
  }
  const finished f = g.stop();
  EXPECT_EQ(without_impatience(f.errors),
            "sfscd: " + closed.path().location.text +
                ": the server allows anonymous clients nothing: leave out --no-login\n");
}

TEST_F(a_gateway, finishes_calls_while_its_server_is_killed_and_started_again) {
  running_gateway g(server);
  std::atomic<bool> going{true};
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i)
    clients.emplace_back([&] {
      plain_client c(g.port);
      while (going) {
        const bool all = reads_all(c);
        EXPECT_TRUE(all);
        good += all;
      }
    });
  for (int i = 0; i < 3; ++i) {
    const int before = good;
    while (good < before + 3) std::this_thread::yield();
    server.kill_and_start_again();
  }
  const int before = good;
  while (good < before + 3) std::this_thread::yield();
  going = false;
  for (auto& c : clients) c.join();
  EXPECT_EQ(g.stop().status, 0);
}

TEST_F(a_gateway, tells_its_clients_when_the_server_has_another_key) {
  running_gateway g(server);
  plain_client c(g.port);
  c.mount();
  server.kill_and_start_again(true);
  // Calls wait until the gateway has seen it.
  byte_string call;
  char slash[] = "/";
  dirpath root{1, slash};
  append_call(call, 5, MOUNT_PROGRAM, MOUNTPROC3_MNT, xdr_dirpath, root);
  c.send_bytes(call);
  const byte_string reply = c.receive();
  EXPECT_EQ(parse_reply(reply)->status, rpc_accept::system_err);
  const finished f = g.stop();
  EXPECT_EQ(f.status, 0);
  EXPECT_NE(f.errors.find("HOSTID"), std::string::npos) << f.errors;
}

TEST_F(a_gateway, ends_though_its_server_is_gone_and_a_call_is_under_way) {
  running_gateway g(server);
  plain_client c(g.port);
  c.mount();
  server.stop(SIGKILL);
  byte_string call;
  char slash[] = "/";
  dirpath root{1, slash};
  append_call(call, 5, MOUNT_PROGRAM, MOUNTPROC3_MNT, xdr_dirpath, root);
  c.send_bytes(call);
  // The second signal ends it at once. If they come too close they are one.
  siginfo_t ended{};
  while (::waitid(P_PID, static_cast<id_t>(g.pid()), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         ended.si_pid == 0) {
    ::kill(g.pid(), SIGTERM);
    ::poll(nullptr, 0, 10);
  }
  EXPECT_EQ(g.finish().status, 0);
}

// --- Who may use it ---

// Whether a process of another user can use the gateway; it needs root to find out.
bool serves_nobody(std::uint16_t port) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) < 0 || ::setuid(65534) < 0) ::_exit(2);
    const auto fd = connect_to(*server_location::parse("127.0.0.1%" + std::to_string(port)),
                               {.timeout = seconds(5)});
    byte_string call;
    append_call(call, 1, NFS_PROGRAM, NFSPROC3_NULL);
    char reply[4];
    const bool served = fd && ::send(fd->get(), call.data(), call.size(), MSG_NOSIGNAL) > 0 &&
                        ::recv(fd->get(), reply, sizeof reply, MSG_WAITALL) == 4;
    ::_exit(served ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) < 2);
  return WEXITSTATUS(status) == 0;
}

TEST_F(a_gateway, serves_no_other_users_of_the_machine_unless_it_is_told_to) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  running_gateway careful(server), open(server, {"--allow-any-local-user"});
  EXPECT_FALSE(serves_nobody(careful.port));
  EXPECT_TRUE(serves_nobody(open.port));
  const finished f = careful.stop();
  EXPECT_NE(f.errors.find("of another user, 65534"), std::string::npos) << f.errors;
}

TEST(the_gateway_program, says_what_is_wrong_with_its_words) {
  const running_server server;
  const std::string path = server.path().text(), there = "--connect=" + server.place().text;
  const auto run = [](std::vector<std::string> words) {
    words.insert(words.begin(), "sfscd");
    return run_program(words);
  };
  EXPECT_TRUE(run({"--help"}).output.starts_with("usage: sfscd"));
  EXPECT_EQ(run({}).status, 2);
  EXPECT_EQ(run({"--nonsense", path}).status, 2);
  EXPECT_EQ(run({"/etc"}).status, 2);
  EXPECT_EQ(run({path + "/below"}).status, 2);
  for (const char* address : {"0.0.0.0:0", "192.0.2.1:0", ":0", "[::1]:0", "127.0.0.1:x"}) {
    const finished f = run({"--listen", address, there, path});
    EXPECT_EQ(f.status, 2) << address;
  }
  EXPECT_NE(run({"--listen", "0.0.0.0:0", path}).errors.find("127.0.0.1 only"), std::string::npos);
  EXPECT_EQ(run({"--user-key", "/nothing", there, path}).status, 1);
  self_certifying_path wrong = server.path();
  wrong.id = new_key("127.0.0.1").id();
  const finished f = run({there, wrong.text()});
  EXPECT_EQ(f.status, 1);
  EXPECT_NE(f.errors.find("HOSTID"), std::string::npos) << f.errors;
}

}  // namespace
}  // namespace sfs::test
