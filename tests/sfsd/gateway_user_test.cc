// The gateway for a user who may write: what it keeps of what it was told, and that everything is
// done once and completely though the server is killed.
#include <pwd.h>

#include <thread>

#include "examples/sfsd/users/table_edit.h"
#include "examples/sfsd/users/user_key.h"
#include "tests/sfsd/gateway_support.h"

namespace sfs::test {
namespace {

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
  std::jthread killing([&] {
    for (int i = 0; i < 6; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      server->kill_and_start_again();
    }
    going = false;
  });
  int made = 0;
  while (going || made < 20) {  // a slow machine makes some of them afterwards
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
}

}  // namespace
}  // namespace sfs::test
