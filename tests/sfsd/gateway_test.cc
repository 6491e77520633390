// The gateway: who may use it, what it passes on, and what becomes of it when its clients, its
// server or the connection between them misbehave. A real server, a real sfscd, and clients that
// speak plain NFS.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pwd.h>

#include <thread>

#include "async/net.h"
#include "examples/sfsd/gateway/peer_owner.h"
#include "examples/sfsd/users/table_edit.h"
#include "examples/sfsd/users/user_key.h"
#include "tests/sfsd/server_support.h"

namespace sfs::test {
namespace {

using std::chrono::seconds;

// --- Whose process is at the other end ---

tcp_pair pair_of(std::uint16_t theirs, std::uint16_t ours) {
  tcp_pair p;
  for (auto* a : {&p.theirs, &p.ours}) {
    a->sin_family = AF_INET;
    a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  p.theirs.sin_port = htons(theirs);
  p.ours.sin_port = htons(ours);
  return p;
}

constexpr std::string_view heading =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n";

std::string line(const std::string& local, const std::string& remote, const std::string& state,
                 const std::string& uid, const std::string& inode) {
  return "   7: " + local + " " + remote + " " + state +
         " 00000000:00000000 00:00000000 00000000 " + uid + "        0 " + inode +
         " 1 000000002c2e8f3a 20 4 30 10 -1\n";
}

const std::string ours = "0100007F:1F90", theirs = "0100007F:C350";  // 8080 and 50000

found_owner owner(const std::string& lines, tcp_table kind = tcp_table::ipv4) {
  return owner_in(std::string(heading) + lines, kind, pair_of(50000, 8080));
}

TEST(the_owner_of_a_connection, is_that_of_the_other_ends_socket) {
  const found_owner f =
      owner(line(ours, theirs, "01", "0", "11") +  // ours
            line("0100007F:C351", ours, "01", "5", "12") + line(theirs, ours, "01", "1000", "13"));
  EXPECT_EQ(f.count, 1u);
  EXPECT_EQ(f.owner, 1000u);
}

TEST(the_owner_of_a_connection, is_found_where_ipv4_is_mapped) {
  const std::string prefix = "0000000000000000FFFF0000";
  const std::string lines = line(prefix + theirs, prefix + ours, "01", "1000", "13");
  EXPECT_EQ(owner(lines, tcp_table::ipv6).count, 1u);
  EXPECT_EQ(owner(lines, tcp_table::ipv4).count, 0u);
}

TEST(the_owner_of_a_connection, is_nobody_if_its_socket_was_closed) {
  // Of these the kernel says that they are root's.
  for (const char* state : {"04", "05", "06", "07", "0B"})
    EXPECT_EQ(owner(line(theirs, ours, state, "0", "0")).count, 0u) << state;
  EXPECT_EQ(owner(line(theirs, ours, "01", "0", "0")).count, 0u) << "held by no process";
}

TEST(the_owner_of_a_connection, is_not_taken_from_odd_lines) {
  EXPECT_EQ(owner("").count, 0u);
  EXPECT_EQ(owner("\n\n   \n").count, 0u);
  EXPECT_EQ(owner("   7: " + theirs + " " + ours + " 01\n").count, 0u) << "too short";
  for (const char* uid : {"-1", "x", "4294967296", "1000x", "0x0"})
    EXPECT_EQ(owner(line(theirs, ours, "01", uid, "13")).count, 0u) << uid;
  for (const char* inode : {"-1", "x", "99999999999999999999"})
    EXPECT_EQ(owner(line(theirs, ours, "01", "0", inode)).count, 0u) << inode;
  EXPECT_EQ(owner(line(theirs + "0", ours, "01", "0", "13")).count, 0u);
  const std::string cut = line(theirs, ours, "01", "1000", "13");
  for (std::size_t n = 0; n < cut.find(" 13 "); ++n) EXPECT_EQ(owner(cut.substr(0, n)).count, 0u);
}

TEST(the_owner_of_a_connection, is_not_clear_if_there_are_two) {
  EXPECT_EQ(
      owner(line(theirs, ours, "01", "0", "13") + line(theirs, ours, "01", "1000", "14")).count,
      2u);
}

TEST(the_owner_of_a_connection, survives_any_table) {
  auto random = async::test::make_prng();
  const std::string good = line(theirs, ours, "01", "1000", "13");
  for (int i = 0; i < 20'000; ++i) {
    std::string text = good + good;
    for (int n = 0; n < 8; ++n) text[random() % text.size()] = static_cast<char>(random());
    (void)owner(text.substr(random() % text.size()));
  }
}

TEST(the_owner_of_a_connection, is_us_if_we_have_made_it) {
  const int door = async::tcp_listen(0, "127.0.0.1");
  const auto mine = connect_to(
      *server_location::parse("127.0.0.1%" + std::to_string(async::local_port(door))), seconds(5));
  ASSERT_TRUE(mine);
  pollfd p{door, POLLIN, 0};
  ::poll(&p, 1, 5000);
  const fd_owner other(::accept(door, nullptr, nullptr));
  ASSERT_TRUE(other);
  const auto user = owner_of_peer(other.get());
  ASSERT_TRUE(user) << user.why();
  EXPECT_EQ(*user, ::geteuid());
  ::shutdown(mine->get(), SHUT_RDWR);
  EXPECT_FALSE(owner_of_peer(other.get())) << "it is not established any more";
  ::close(door);
}

// --- The program ---

// A client that speaks plain NFS, one call at a time or many.
class plain_client {
 public:
  explicit plain_client(std::uint16_t port)
      : socket_(std::move(*connect_to(*server_location::parse("127.0.0.1%" + std::to_string(port)),
                                      seconds(30)))) {}

  template <class Args>
  void send(std::uint32_t xid, std::uint32_t program, std::uint32_t procedure,
            bool_t (*routine)(XDR*, Args*), Args args) {
    byte_string call;
    append_call(call, xid, program, procedure, routine, args);
    send_bytes(call);
  }
  void send_bytes(const_bytes data) {
    while (!data.empty()) {
      const ssize_t n = ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL);
      ASSERT_GT(n, 0);
      data = data.subspan(static_cast<std::size_t>(n));
    }
  }
  // The next reply; empty if the connection has ended.
  byte_string receive() {
    byte_string mark(4);
    if (!read_all(mark)) return {};
    byte_string message(load_be32(mark.data()) & ~last_fragment);
    return read_all(message) ? message : byte_string();
  }
  // The results of one call.
  template <class Res, bool_t (*Routine)(XDR*, Res*), class Args>
  std::unique_ptr<xdr_value<Res, Routine>> call(std::uint32_t program, std::uint32_t procedure,
                                                bool_t (*routine)(XDR*, Args*), Args args) {
    send(++xid_, program, procedure, routine, args);
    last_ = receive();
    const auto r = parse_reply(last_);
    auto res = std::make_unique<xdr_value<Res, Routine>>();
    EXPECT_TRUE(r && r->xid == xid_ && !r->denied && r->status == rpc_accept::success &&
                res->decode(r->results));
    return res;
  }
  byte_string mount(std::string path = "/") {
    auto res =
        call<mountres3, xdr_mountres3>(MOUNT_PROGRAM, MOUNTPROC3_MNT, xdr_dirpath,
                                       dirpath{static_cast<u_int>(path.size()), path.data()});
    EXPECT_EQ((*res)->fhs_status, MNT3_OK);
    const auto& h = (*res)->mountres3_u.mountinfo.fhandle;
    return {h.fhandle3_val, h.fhandle3_val + h.fhandle3_len};
  }
  byte_string look_up(byte_string& directory, std::string_view name) {
    auto res = call<LOOKUP3res, xdr_LOOKUP3res>(NFS_PROGRAM, NFSPROC3_LOOKUP, xdr_LOOKUP3args,
                                                LOOKUP3args{{as_handle(directory), as_name(name)}});
    EXPECT_EQ((*res)->status, NFS3_OK);
    const const_bytes h = bytes_of((*res)->LOOKUP3res_u.resok.object);
    return {h.begin(), h.end()};
  }
  int fd() const { return socket_.get(); }

 private:
  bool read_all(byte_string& to) {
    return to.empty() || ::recv(socket_.get(), to.data(), to.size(), MSG_WAITALL) ==
                             static_cast<ssize_t>(to.size());
  }
  fd_owner socket_;
  std::uint32_t xid_ = 1000;
  byte_string last_;
};

class running_gateway {
 public:
  explicit running_gateway(const running_server& server, std::vector<std::string> options = {}) {
    std::vector<std::string> words{program("sfscd"), "--connect", server.place().text};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(server.path().text());
    process_ = std::make_unique<child_process>(std::move(words));
    const std::string first = process_->read_line(), url = process_->read_line();
    const auto number = [](const std::string& text, const std::string& after) {
      const std::size_t at = text.find(after);
      return at == std::string::npos
                 ? std::uint16_t{0}
                 : static_cast<std::uint16_t>(std::stoi(text.substr(at + after.size())));
    };
    port = number(url, "nfsport=");
    mount_port = number(url, "mountport=");
    EXPECT_NE(port, 0) << process_->finish().errors;
  }
  finished stop(int signal = SIGTERM) {
    ::kill(process_->pid(), signal);
    return process_->finish();
  }
  finished finish() { return process_->finish(); }
  pid_t pid() const { return process_->pid(); }
  std::size_t resident_kb() const {
    std::ifstream status("/proc/" + std::to_string(process_->pid()) + "/status");
    for (std::string word; status >> word;)
      if (std::size_t kb = 0; word == "VmRSS:" && status >> kb) return kb;
    return 0;
  }
  std::uint16_t port = 0, mount_port = 0;

 private:
  std::unique_ptr<child_process> process_;
};

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
    const auto fd =
        connect_to(*server_location::parse("127.0.0.1%" + std::to_string(port)), seconds(5));
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

// --- With a user who may write ---

class a_users_gateway : public testing::Test {
 protected:
  a_users_gateway() {
    auto key = user_key::generate("test");
    key_file = scratch.path() / "user";
    EXPECT_EQ(key->save(key_file), "");
    const std::string table = scratch.path() / "users";
    EXPECT_EQ(register_key(table, ::getpwuid(::geteuid())->pw_name, key->who(), std::nullopt), "");
    server = std::make_unique<running_server>(std::vector<std::string>{"--users", table});
    gateway = open();
  }
  std::unique_ptr<running_gateway> open() {
    return std::make_unique<running_gateway>(*server,
                                             std::vector<std::string>{"--user-key", key_file});
  }
  static byte_string create(plain_client& c, byte_string& root, std::string_view name) {
    CREATE3args args{{as_handle(root), as_name(name)}, {}};
    args.how.mode = GUARDED;
    args.how.createhow3_u.obj_attributes.mode.set_it = TRUE;
    args.how.createhow3_u.obj_attributes.mode.set_mode3_u.mode = 0644;
    auto res = c.call<new_object_res, xdr_new_object_res>(NFS_PROGRAM, NFSPROC3_CREATE,
                                                          xdr_CREATE3args, args);
    EXPECT_EQ((*res)->status, NFS3_OK);
    const const_bytes h = bytes_of((*res)->new_object_res_u.resok.obj.post_op_fh3_u.handle);
    return {h.begin(), h.end()};
  }
  // Appends a WRITE's call to the others.
  static void append_write(byte_string& calls, std::uint32_t xid, byte_string& file,
                           std::uint64_t offset, const_bytes data) {
    const auto size = static_cast<u_int>(data.size());
    WRITE3head head{as_handle(file), offset, size, UNSTABLE, size};
    const std::size_t begin = calls.size();
    append_call(calls, xid, NFS_PROGRAM, NFSPROC3_WRITE, xdr_WRITE3head, head);
    calls.insert(calls.end(), data.begin(), data.end());
    calls.resize((calls.size() - begin + 3) / 4 * 4 + begin);
    store_be32(calls.data() + begin,
               last_fragment | static_cast<std::uint32_t>(calls.size() - begin - 4));
  }
  static std::uint64_t size_of(plain_client& c, byte_string& file) {
    auto res = c.call<GETATTR3res, xdr_GETATTR3res>(NFS_PROGRAM, NFSPROC3_GETATTR, xdr_GETATTR3args,
                                                    GETATTR3args{as_handle(file)});
    EXPECT_EQ((*res)->status, NFS3_OK);
    return (*res)->GETATTR3res_u.obj_attributes.size;
  }
  static void cut_to(plain_client& c, byte_string& file, std::uint64_t size) {
    SETATTR3args args{as_handle(file), {}, {}};
    args.new_attributes.size.set_it = TRUE;
    args.new_attributes.size.set_size3_u.size = size;
    auto res = c.call<wcc_res, xdr_wcc_res>(NFS_PROGRAM, NFSPROC3_SETATTR, xdr_SETATTR3args, args);
    EXPECT_EQ((*res)->status, NFS3_OK);
  }

  scratch_directory scratch;
  std::string key_file;
  std::unique_ptr<running_server> server;
  std::unique_ptr<running_gateway> gateway;
};

TEST_F(a_users_gateway, writes_every_byte_though_the_server_is_killed_meanwhile) {
  auto random = async::test::make_prng(5);
  const byte_string content = random_bytes(random, 6'000'001);
  plain_client c(gateway->port);
  byte_string root = c.mount(), file = create(c, root, "new"), calls;
  std::uint32_t count = 0;
  for (std::size_t at = 0; at < content.size(); at += 65536, ++count)
    append_write(
        calls, count, file, at,
        const_bytes(content).subspan(at, std::min<std::size_t>(65536, content.size() - at)));
  std::thread sending([&] { c.send_bytes(calls); });
  for (std::uint32_t n = 0; n < count; ++n) {
    const byte_string reply = c.receive();
    xdr_value<WRITE3res, xdr_WRITE3res> res;
    ASSERT_TRUE(res.decode(parse_reply(reply)->results)) << n;
    EXPECT_EQ(res->status, NFS3_OK);
    if (n == 10) server->kill_and_start_again();
  }
  sending.join();
  std::ifstream in(server->scratch().path() / "export/new", std::ios::binary);
  const std::string got(std::istreambuf_iterator<char>(in), {});
  EXPECT_TRUE(std::ranges::equal(
      got, content, [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; }));
}

TEST_F(a_users_gateway, answers_getattr_and_access_without_asking_the_server_as_long_as_it_may) {
  plain_client c(gateway->port);
  byte_string root = c.mount(), file = create(c, root, "new");
  cut_to(c, file, 100);
  EXPECT_EQ(size_of(c, file), 100u);
  const ACCESS3args access{as_handle(file), ACCESS3_READ | ACCESS3_MODIFY};
  const auto granted = [&] {
    auto res =
        c.call<ACCESS3res, xdr_ACCESS3res>(NFS_PROGRAM, NFSPROC3_ACCESS, xdr_ACCESS3args, access);
    return (*res)->ACCESS3res_u.resok.access;
  };
  EXPECT_EQ(granted(), access.access);
  ::kill(server->pid(), SIGSTOP);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(size_of(c, file), 100u);
  EXPECT_EQ(granted(), access.access);
  ::kill(server->pid(), SIGCONT);
  cut_to(c, file, 50);
  EXPECT_EQ(size_of(c, file), 50u) << "its own change";
}

TEST_F(a_users_gateway, hears_of_what_others_change) {
  const auto second = open();
  plain_client a(gateway->port), b(second->port);
  byte_string root = a.mount(), file = create(a, root, "new");
  for (std::uint64_t size = 1; size <= 20; ++size) {
    cut_to(b, file, size);
    // The server tells, and does not wait: it may take a moment.
    const auto give_up = std::chrono::steady_clock::now() + seconds(10);
    while (size_of(a, file) != size && std::chrono::steady_clock::now() < give_up)
      std::this_thread::yield();
    EXPECT_EQ(size_of(a, file), size);
  }
}

TEST_F(a_users_gateway, makes_names_once_though_the_server_is_killed_meanwhile) {
  plain_client c(gateway->port);
  byte_string root = c.mount();
  std::atomic<bool> going{true};
  std::thread killing([&] {
    for (int i = 0; i < 6; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      server->kill_and_start_again();
    }
    going = false;
  });
  int made = 0;
  while (going) {
    const std::string name = "directory-" + std::to_string(made++);
    MKDIR3args args{{as_handle(root), as_name(name)}, {}};
    auto m = c.call<new_object_res, xdr_new_object_res>(NFS_PROGRAM, NFSPROC3_MKDIR, xdr_MKDIR3args,
                                                        args);
    ASSERT_EQ((*m)->status, NFS3_OK) << name;
    if (made % 2) continue;
    auto r = c.call<wcc_res, xdr_wcc_res>(NFS_PROGRAM, NFSPROC3_RMDIR, xdr_REMOVE3args,
                                          REMOVE3args{args.where});
    ASSERT_EQ((*r)->status, NFS3_OK) << name;
  }
  killing.join();
  EXPECT_GT(made, 10);
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
