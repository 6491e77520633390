// Clients that write, to the whole server: every coloring, long pipelines, what options forbid, and
// a server that is not root.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <thread>

#include "tests/sfsd/live_client.h"

namespace sfs::test {
namespace {

struct writing_way {
  const char *coloring, *cpus;
  bool table;
};

#if defined(ASYNC_UNIPROCESSOR)
constexpr writing_way writing_ways[] = {{"none", "1", false}, {"none", "1", true}};
#else
constexpr writing_way writing_ways[] = {
    {"none", "1", false},  {"none", "2", false}, {"crypto", "2", false},
    {"crypto", "2", true}, {"io", "2", false},   {"io", "2", true},
    {"all", "1", false},   {"all", "2", false},  {"all", "2", true}};
#endif

class writing_clients : public testing::TestWithParam<writing_way> {
 protected:
  void SetUp() override {
    if (!can_act()) GTEST_SKIP() << "this needs root";
    share(server, "shared");
  }
  std::vector<std::string> options() const {
    std::vector<std::string> o{"--parallel", GetParam().coloring, "--cpus", GetParam().cpus};
    if (GetParam().table) o.push_back("--handles-from-table");
    return users.options(std::move(o));
  }
  std::string content_of(const std::string& name) const {
    std::ifstream in(server.scratch().path() / "export/shared" / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  keys_and_table users;
  running_server server{options()};
};

INSTANTIATE_TEST_SUITE_P(colored, writing_clients, testing::ValuesIn(writing_ways),
                         [](const auto& info) {
                           return std::string(info.param.coloring) + "_on_" + info.param.cpus +
                                  (info.param.table ? "_by_table" : "");
                         });

// Every kind of call behind every other, many under way at once, each reply at its place.
void mixed_calls(const running_server& server, const keys_and_table& users, int number) {
  live_client c(server);
  ASSERT_TRUE(c.hello(static_cast<std::uint8_t>(100 + number), true).good());
  const std::uint32_t user = c.log_in(users.nobody_key);
  byte_string top = c.mount(user), shared = c.look_up(top, "shared", user);
  const std::string name = "file " + std::to_string(number);
  ASSERT_EQ(c.create(shared, name, user).first(), NFS3_OK);
  byte_string f = c.look_up(shared, name, user), calls;
  struct expectation {
    std::uint32_t status;
    bool denied;
  };
  std::vector<expectation> expected;
  std::uint32_t xid = 0;
  auto random = async::test::make_prng(static_cast<std::uint64_t>(number));
  const std::string other = name + " too";
  bool other_there = false;
  for (int i = 0; i < 400; ++i) {
    ++xid;
    std::uint32_t status = NFS3_OK;
    const bool stranger = random() % 10 == 0;
    const std::uint32_t as = stranger ? 999 : user;
    switch (random() % 6) {
      case 0:
        live_client::append_write(calls, xid, f, random() % 1000, std::string(random() % 3000, 'x'),
                                  as);
        break;
      case 1: {
        READ3args args{as_handle(f), random() % 1000, 2000};
        append_call(calls, xid, NFS_PROGRAM, NFSPROC3_READ, xdr_READ3args, args, as);
        break;
      }
      case 2: {
        auto args = live_client::create_args(shared, other);
        append_call(calls, xid, NFS_PROGRAM, NFSPROC3_CREATE, xdr_CREATE3args, args, as);
        status = other_there ? NFS3ERR_EXIST : NFS3_OK;
        other_there |= !stranger;
        break;
      }
      case 3: {
        REMOVE3args args{at_name(shared, other)};
        append_call(calls, xid, NFS_PROGRAM, NFSPROC3_REMOVE, xdr_REMOVE3args, args, as);
        status = other_there ? NFS3_OK : NFS3ERR_NOENT;
        if (!stranger) other_there = false;
        break;
      }
      case 4: {
        LOOKUP3args args{at_name(shared, other)};
        append_call(calls, xid, NFS_PROGRAM, NFSPROC3_LOOKUP, xdr_LOOKUP3args, args, as);
        status = other_there ? NFS3_OK : NFS3ERR_NOENT;
        break;
      }
      default: {
        SETATTR3args args{as_handle(f), wanted().size(random() % 5000), {}};
        append_call(calls, xid, NFS_PROGRAM, NFSPROC3_SETATTR, xdr_SETATTR3args, args, as);
      }
    }
    expected.push_back({status, stranger});
  }
  std::thread sending([&] { EXPECT_TRUE(c.send(calls)); });
  for (std::uint32_t i = 0; i < expected.size(); ++i) {
    const answer a = c.receive();
    if (!a.came || a.xid != i + 1 || a.denied != expected[i].denied ||
        (!a.denied && a.first() != expected[i].status)) {
      ADD_FAILURE() << "call " << i << ": " << a.came << " " << a.xid << " " << a.first();
      break;
    }
  }
  sending.join();
}

TEST_P(writing_clients, get_each_reply_in_its_place_whatever_they_mix) {
  std::vector<std::thread> clients;
  for (int n = 0; n < 4; ++n) clients.emplace_back([&, n] { mixed_calls(server, users, n); });
  for (auto& c : clients) c.join();
  const finished f = server.stop();
  EXPECT_EQ(f.status, 0) << f.errors;
}

TEST_P(writing_clients, write_pipelines_of_the_longest_calls) {
  std::vector<std::thread> clients;
  for (int n = 0; n < 2; ++n)
    clients.emplace_back([&, n] {
      live_client c(server);
      const std::uint32_t user = c.log_in(users.nobody_key);
      byte_string top = c.mount(user), shared = c.look_up(top, "shared", user);
      const std::string name = "long " + std::to_string(n);
      ASSERT_EQ(c.create(shared, name, user).first(), NFS3_OK);
      byte_string f = c.look_up(shared, name, user), calls;
      std::string expected;
      constexpr std::uint32_t pieces = 40;
      for (std::uint32_t i = 0; i < pieces; ++i) {
        const std::string piece(data_max,
                                static_cast<char>('a' + (i + static_cast<unsigned>(n)) % 26));
        live_client::append_write(calls, i, f, std::uint64_t{i} * data_max, piece, user);
        expected += piece;
      }
      std::thread sending([&] { EXPECT_TRUE(c.send(calls)); });
      for (std::uint32_t i = 0; i < pieces; ++i) {
        const answer a = c.receive();
        EXPECT_EQ(a.xid, i);
        EXPECT_EQ(a.first(), NFS3_OK);
      }
      sending.join();
      EXPECT_TRUE(content_of(name) == expected);
    });
  for (auto& c : clients) c.join();
}

class one_writing_server : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_act()) GTEST_SKIP() << "this needs root";
  }
  keys_and_table users;
};

TEST_F(one_writing_server, keeps_its_memory_when_clients_write_and_do_not_read) {
  running_server server(users.options());
  live_client c(server);
  const std::uint32_t user = c.log_in(users.root_key);
  byte_string top = c.mount(user), f = c.look_up(top, "data", user);
  byte_string calls;
  for (std::uint32_t i = 0; i < 2000; ++i)
    live_client::append_write(calls, i, f, 0, std::string(1000, 'x'), user);
  const timeval soon{1, 0};
  ::setsockopt(c.socket(), SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
  for (int i = 0; i < 5; ++i)
    if (!c.send(calls)) break;
  EXPECT_TRUE(live_client(server).ask(NFS_PROGRAM, NFSPROC3_NULL).good());
  if (!async::test::sanitized) {
    EXPECT_LT(server.resident_kb(), 60'000u);
  }
}

TEST_F(one_writing_server, that_is_read_only_changes_nothing_for_anybody) {
  running_server server(users.options({"--read-only"}));
  live_client c(server);
  const std::uint32_t root = c.log_in(users.root_key);
  byte_string top = c.mount(root), f = c.look_up(top, "data", root);
  EXPECT_EQ(c.create(top, "n", root).first(), NFS3ERR_ROFS);
  EXPECT_EQ(c.write(f, 0, "x", root).first(), NFS3ERR_ROFS);
  EXPECT_EQ(c.set(f, wanted().size(0), root).first(), NFS3ERR_ROFS);
  EXPECT_EQ(c.remove(top, "data", root).first(), NFS3ERR_ROFS);
  EXPECT_TRUE(server.serves());
}

TEST_F(one_writing_server, lets_anonymous_clients_do_what_it_was_told) {
  running_server open(users.options()),
      closed(users.options({"--anonymous=nothing"}));  // the last one counts
  for (running_server* server : {&open, &closed}) {
    live_client c(*server);
    const std::uint32_t root = c.log_in(users.root_key);
    byte_string top = c.mount(root), f = c.look_up(top, "data", root);
    EXPECT_EQ(c.get_attributes(f).first(), server == &open ? NFS3_OK : NFS3ERR_ACCES);
    EXPECT_EQ(c.write(f, 0, "x", 0).first(), NFS3ERR_ACCES);
    EXPECT_EQ(c.create(top, "n", 0).first(), NFS3ERR_ACCES);
    EXPECT_EQ(c.remove(top, "data", 0).first(), NFS3ERR_ACCES);
  }
}

TEST_F(one_writing_server, outlives_a_file_that_becomes_too_long_for_its_limits) {
  running_server server(users.options());
  const rlimit small{5'000'000, 5'000'000};
  ASSERT_EQ(::prlimit(server.pid(), RLIMIT_FSIZE, &small, nullptr), 0);
  live_client c(server);
  const std::uint32_t root = c.log_in(users.root_key);
  byte_string top = c.mount(root), f = c.look_up(top, "data", root);
  EXPECT_EQ(c.write(f, 5'000'000, "x", root).first(), NFS3ERR_FBIG);
  EXPECT_EQ(c.set(f, wanted().size(6'000'000), root).first(), NFS3ERR_FBIG);
  EXPECT_EQ(c.get_attributes(f).first(), NFS3_OK);
}

TEST_F(one_writing_server, has_nothing_left_of_a_file_that_sfs_could_not_put_there) {
  running_server server(users.options());
  const rlimit small{5'000'000, 5'000'000};
  ASSERT_EQ(::prlimit(server.pid(), RLIMIT_FSIZE, &small, nullptr), 0);
  const std::string key = server.scratch().path() / "user";
  ASSERT_EQ(users.root_key.save(key), "");
  server.scratch().file("large", std::string(9'000'000, 'x'));
  const std::string large = server.scratch().path() / "large";
  const finished f = run_program({"sfs", "put", "--connect=" + server.place().text, "--user-key",
                                  key, large, server.path().text() + "/large"});
  EXPECT_EQ(f.status, 1);
  EXPECT_NE(f.errors.find("/large: "), std::string::npos) << f.errors;
  std::set<std::string> left;
  for (const auto& e : std::filesystem::directory_iterator(server.scratch().path() / "export"))
    left.insert(e.path().filename());
  EXPECT_EQ(left, (std::set<std::string>{"data", "directory"}));
}

TEST_F(one_writing_server, as_an_ordinary_user_does_for_all_what_it_may_do_itself) {
  constexpr uid_t nobody = 65534;
  ASSERT_EQ(::chown(users.path().c_str(), nobody, nobody), 0);
  running_server server(users.options(), 0, nobody);
  live_client c(server);
  ASSERT_TRUE(c.connected());
  const std::uint32_t root = c.log_in(users.root_key), user = c.log_in(users.nobody_key);
  byte_string top = c.mount(root), f = c.look_up(top, "data", user);
  EXPECT_EQ(c.create(top, "by root", root).first(), NFS3_OK);
  EXPECT_EQ(c.create(top, "by nobody", user).first(), NFS3_OK);
  EXPECT_EQ(c.write(f, 0, "x", user).first(), NFS3_OK);
  EXPECT_EQ(c.set(f, wanted().uid(0), root).first(), NFS3ERR_PERM);
  struct stat st {};
  for (const mode_t mode : {0444u, 0u}) {  // as owners may on a server that is root
    EXPECT_EQ(c.set(f, wanted().mode(mode), user).first(), NFS3_OK);
    EXPECT_EQ(c.write(f, 0, "y", user).first(), NFS3_OK);
    ASSERT_EQ(::stat((server.scratch().path() / "export/data").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, mode);
  }
  ASSERT_EQ(::stat((server.scratch().path() / "export/by root").c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, nobody) << "whoever the client is";
  EXPECT_EQ(c.create(top, "anonymously", 0).first(), NFS3ERR_ACCES);
  EXPECT_EQ(server.stop().status, 0);
}

TEST_F(one_writing_server, as_an_ordinary_user_and_read_only_gives_itself_no_rights_either) {
  constexpr uid_t nobody = 65534;
  ASSERT_EQ(::chown(users.path().c_str(), nobody, nobody), 0);
  running_server server(users.options({"--read-only"}), 0, nobody);
  const std::string path = server.scratch().path() / "export/data";
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  live_client c(server);
  const std::uint32_t user = c.log_in(users.nobody_key);
  byte_string top = c.mount(user), f = c.look_up(top, "data", user);
  const READ3args args{as_handle(f), 0, 10};
  EXPECT_EQ(c.ask(NFS_PROGRAM, NFSPROC3_READ, xdr_READ3args, args, user).first(), NFS3ERR_ACCES);
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(after.st_ctim.tv_sec, before.st_ctim.tv_sec);
  EXPECT_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
}

TEST_F(one_writing_server, as_an_ordinary_user_commits_what_it_may_not_read) {
  constexpr uid_t nobody = 65534;
  ASSERT_EQ(::chown(users.path().c_str(), nobody, nobody), 0);
  running_server server(users.options(), 0, nobody);
  live_client writer(server);
  const std::uint32_t user = writer.log_in(users.nobody_key);
  byte_string top = writer.mount(user), f = writer.look_up(top, "data", user);
  for (const mode_t mode : {0444u, 0222u, 0u}) {
    EXPECT_EQ(writer.set(f, wanted().mode(mode), user).first(), NFS3_OK);
    EXPECT_EQ(writer.write(f, 0, "x", user).first(), NFS3_OK);
    live_client later(server);  // for which nothing is open
    const std::uint32_t same = later.log_in(users.nobody_key);
    EXPECT_EQ(later.commit(f, same).first(), NFS3_OK) << std::oct << mode;
    struct stat st {};
    ASSERT_EQ(::stat((server.scratch().path() / "export/data").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, mode);
  }
}

}  // namespace
}  // namespace sfs::test
