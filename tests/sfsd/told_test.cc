// Leases over a real channel: a client is told of each kind of change that another makes to what it
// was shown, and of none that it makes itself.
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "tests/sfsd/live_client.h"

namespace sfs::test {
namespace {

class a_client_with_leases : public testing::TestWithParam<naming> {
 protected:
  void SetUp() override {
    if (!can_act()) GTEST_SKIP() << "this needs root";
    ASSERT_TRUE(watching.hello(1, true).good());
    EXPECT_EQ(watching.greeting.lease_seconds, 100u);
    watcher = watching.log_in(users.root_key);
    root = changing.log_in(users.root_key);
    byte_string at = changing.mount(root);
    share(server, "shared");
    top = changing.look_up(at, "shared", root);
    file = in_export("shared/f", "12345");
    other = in_export("shared/g", "12345");
    directory = (server.scratch().directory("export/shared/d"), changing.look_up(top, "d", root));
  }
  byte_string in_export(const std::string& name, std::string_view content) {
    server.scratch().file("export/" + name, content);
    return changing.look_up(top, name.substr(name.rfind('/') + 1), root);
  }
  // Makes the watcher be shown these, in one call each.
  void show(std::initializer_list<byte_string*> files) {
    for (byte_string* f : files) ASSERT_EQ(watching.get_attributes(*f, watcher).first(), NFS3_OK);
  }

  keys_and_table users;
  running_server server{
      users.options(GetParam() == naming::kernel
                        ? std::vector<std::string>{"--lease", "100"}
                        : std::vector<std::string>{"--lease", "100", "--handles-from-table"})};
  live_client watching{server}, changing{server};
  std::uint32_t watcher = 0, root = 0;
  byte_string top, file, other, directory;
};
INSTANTIATE_FOR_BOTH_NAMINGS(a_client_with_leases);

TEST_P(a_client_with_leases, is_told_of_each_kind_of_change) {
  struct kind {
    const char* what;
    std::vector<byte_string*> changed;
    std::function<answer(live_client&, std::uint32_t)> change;
  };
  byte_string made;
  const kind kinds[] = {
      {"WRITE", {&file}, [&](auto& c, auto u) { return c.write(file, 1, "x", u); }},
      {"SETATTR", {&file}, [&](auto& c, auto u) { return c.set(file, wanted().mode(0600), u); }},
      {"CREATE", {&top}, [&](auto& c, auto u) { return c.create(top, "n", u); }},
      {"MKDIR",
       {&top},
       [&](auto& c, auto u) {
         return c.ask(NFS_PROGRAM, NFSPROC3_MKDIR, xdr_MKDIR3args,
                      MKDIR3args{at_name(top, "dir"), {}}, u);
       }},
      {"SYMLINK",
       {&top},
       [&](auto& c, auto u) {
         char target[] = "t";
         return c.ask(NFS_PROGRAM, NFSPROC3_SYMLINK, xdr_SYMLINK3args,
                      SYMLINK3args{at_name(top, "link"), {{}, {1, target}}}, u);
       }},
      {"MKNOD",
       {&top},
       [&](auto& c, auto u) {
         return c.ask(NFS_PROGRAM, NFSPROC3_MKNOD, xdr_MKNOD3args,
                      MKNOD3args{at_name(top, "fifo"), {NF3FIFO, {}}}, u);
       }},
      {"CREATE that cuts",
       {&file},
       [&](auto& c, auto u) {
         return c.ask(NFS_PROGRAM, NFSPROC3_CREATE, xdr_CREATE3args,
                      live_client::create_args(top, "f", UNCHECKED, wanted().size(0)), u);
       }},
      {"LINK",
       {&file, &directory},
       [&](auto& c, auto u) {
         return c.ask(NFS_PROGRAM, NFSPROC3_LINK, xdr_LINK3args,
                      LINK3args{as_handle(file), at_name(directory, "linked")}, u);
       }},
      {"RENAME over another",
       {&top, &directory, &file, &other},
       [&](auto& c, auto u) {
         return c.ask(NFS_PROGRAM, NFSPROC3_RENAME, xdr_RENAME3args,
                      RENAME3args{at_name(directory, "linked"), at_name(top, "g")}, u);
       }},
      {"REMOVE of one name", {&top, &file}, [&](auto& c, auto u) { return c.remove(top, "f", u); }},
      {"RMDIR",
       {&top, &directory},
       [&](auto& c, auto u) {
         return c.ask(NFS_PROGRAM, NFSPROC3_RMDIR, xdr_REMOVE3args, REMOVE3args{at_name(top, "d")},
                      u);
       }},
  };
  for (const kind& k : kinds) {
    for (byte_string* f : k.changed) show({f});
    const auto before = watching.told;
    ASSERT_EQ(k.change(changing, root).first(), NFS3_OK) << k.what;
    for (byte_string* f : k.changed) {
      const auto at = before.find(*f);
      ASSERT_TRUE(watching.hears_of(*f, at == before.end() ? 0 : at->second)) << k.what;
    }
  }
  EXPECT_EQ(watching.told_of_all, 0);
}

// What was told of comes before whatever the client asks next, so a NULL call waits for it.
TEST_P(a_client_with_leases, is_told_nothing_of_what_it_does_itself_or_was_not_shown) {
  show({&file, &top});
  ASSERT_EQ(watching.write(file, 0, "x", watcher).first(), NFS3_OK);
  ASSERT_EQ(watching.create(top, "n", watcher).first(), NFS3_OK);
  ASSERT_EQ(watching.set(file, wanted().mode(0640), watcher).first(), NFS3_OK);
  ASSERT_EQ(changing.write(other, 0, "x", root).first(), NFS3_OK);
  ASSERT_EQ(changing.get_attributes(file, root).first(), NFS3_OK) << "a look is no change";
  ASSERT_EQ(changing.write(file, 0, "y", root).first(), NFS3_OK);
  ASSERT_TRUE(watching.hears_of(file)) << "his lease has outlived his own changes";
  EXPECT_EQ(watching.told.size(), 1u) << "and this is all that he heard";
  EXPECT_EQ(watching.told_of(file), 1);
}

TEST_P(a_client_with_leases, is_told_once_and_again_when_it_has_looked_again) {
  show({&file});
  ASSERT_EQ(changing.write(file, 0, "1", root).first(), NFS3_OK);
  ASSERT_TRUE(watching.hears_of(file));
  ASSERT_EQ(changing.write(file, 0, "2", root).first(), NFS3_OK);
  show({&other});
  ASSERT_EQ(changing.write(other, 0, "3", root).first(), NFS3_OK);
  ASSERT_TRUE(watching.hears_of(other));
  EXPECT_EQ(watching.told_of(file), 1) << "not of the second change: it had no lease";
  show({&file});
  ASSERT_EQ(changing.write(file, 0, "4", root).first(), NFS3_OK);
  ASSERT_TRUE(watching.hears_of(file, 1));
}

TEST_P(a_client_with_leases, is_told_by_one_word_when_more_has_changed_than_a_message_holds) {
  constexpr int files = 400;
  std::vector<byte_string> handles;
  for (int i = 0; i < files; ++i) {
    handles.push_back(in_export("shared/many" + std::to_string(i), ""));
    show({&handles.back()});
  }
  // Changed while the watcher's channel is held up by its own call, or not: it hears of each.
  byte_string calls;
  for (int i = 0; i < files; ++i)
    live_client::append_write(calls, 5000 + static_cast<std::uint32_t>(i), handles[i], 0, "x",
                              root);
  ASSERT_TRUE(changing.send(calls));
  for (int i = 0; i < files; ++i) ASSERT_EQ(changing.receive().first(), NFS3_OK);
  for (auto& h : handles) ASSERT_TRUE(watching.hears_of(h)) << "by name, or as one of all";
}

TEST_P(a_client_with_leases, hears_of_a_change_made_while_it_looks) {
  // One client changes a file over and over, the other looks over and over. When both are done, the
  // last look must be of the last state, or the looker must have been told after it.
  constexpr int rounds = async::test::sanitized ? 100 : 400;
  std::thread writer([&] {
    for (int i = 1; i <= rounds; ++i)
      EXPECT_EQ(changing.set(file, wanted().size(static_cast<std::uint64_t>(i)), root).first(),
                NFS3_OK);
  });
  std::uint64_t seen = 0;
  int told_before = 0;
  for (int i = 0; i < rounds; ++i) {
    told_before = watching.told_of(file);
    const answer a = watching.get_attributes(file, watcher);
    xdr_value<GETATTR3res, xdr_GETATTR3res> res;
    ASSERT_TRUE(res.decode(a.results));
    seen = res->GETATTR3res_u.obj_attributes.size;
  }
  writer.join();
  if (seen < rounds) {
    EXPECT_TRUE(watching.hears_of(file, told_before)) << seen;
  }
}

// The first client with leases comes while another one's calls are being carried out, which began
// when nobody wanted to know of changes.
TEST(a_first_client_with_leases, is_told_of_changes_by_calls_that_began_before_it_came) {
  if (!can_act()) GTEST_SKIP() << "this needs root";
  const keys_and_table users;
  running_server server(users.options());
  live_client changing(server);
  const std::uint32_t root = changing.log_in(users.root_key);
  byte_string top = changing.mount(root), file = changing.look_up(top, "data", root),
              other = changing.look_up(top, "directory", root);
  other = changing.look_up(other, "small", root);
  for (std::uint8_t round = 1; round <= 20; ++round) {
    byte_string slow_and_change, hello_and_look;
    for (std::uint32_t n = 0; n < 8; ++n)
      live_client::append_write(slow_and_change, n, other, n * 100, "slow", root, FILE_SYNC);
    SETATTR3args cut{as_handle(file), wanted().size(round), {}};
    append_call(slow_and_change, 8, NFS_PROGRAM, NFSPROC3_SETATTR, xdr_SETATTR3args, cut, root);
    HELLOargs hello = live_client::hello_args(round, true);
    append_call(hello_and_look, 1, SFS_PROGRAM, SFSPROC_HELLO, xdr_HELLOargs, hello);
    GETATTR3args look{as_handle(file)};
    append_call(hello_and_look, 2, NFS_PROGRAM, NFSPROC3_GETATTR, xdr_GETATTR3args, look);
    live_client watching(server);
    ASSERT_TRUE(changing.send(slow_and_change));
    ASSERT_TRUE(watching.send(hello_and_look));
    ASSERT_TRUE(watching.receive().good());
    xdr_value<GETATTR3res, xdr_GETATTR3res> seen;
    ASSERT_TRUE(seen.decode(watching.receive().results));
    for (int n = 0; n < 9; ++n) ASSERT_EQ(changing.receive().first(), NFS3_OK);
    if (seen->GETATTR3res_u.obj_attributes.size != round) {
      ASSERT_TRUE(watching.hears_of(file)) << static_cast<int>(round);
    }
    watching.close();
    while (watching.receive().came) continue;
  }
}

TEST_P(a_client_with_leases, and_its_leases_do_not_keep_a_server_from_ending_well) {
  show({&file, &top});
  ::kill(server.pid(), SIGTERM);
  EXPECT_EQ(server.stop(SIGINT).status, 0) << "twice, so that it does not wait for the client";
}

TEST_P(a_client_with_leases, may_be_in_the_midst_of_its_calls_when_the_server_is_ended_at_once) {
  show({&file, &top});
  byte_string calls;
  for (std::uint32_t i = 0; i < 1000; ++i)
    live_client::append_write(calls, i, file, 0, "x", watcher, FILE_SYNC);
  ASSERT_TRUE(watching.send(calls));
  ASSERT_TRUE(watching.receive().came);
  ::kill(server.pid(), SIGTERM);
  EXPECT_EQ(server.stop(SIGINT).status, 0);
}

TEST(a_client_without_leases, is_told_nothing) {
  if (!can_act()) GTEST_SKIP() << "this needs root";
  const keys_and_table users;
  running_server server(users.options());
  live_client silent(server), watching(server), changing(server);
  ASSERT_TRUE(silent.hello(1, false).good());
  ASSERT_TRUE(watching.hello(2, true).good());
  EXPECT_EQ(watching.greeting.lease_seconds, 30u) << "unless it is told otherwise";
  const std::uint32_t root = changing.log_in(users.root_key);
  byte_string top = changing.mount(root), data = changing.look_up(top, "data", root);
  ASSERT_EQ(silent.get_attributes(data).first(), NFS3_OK);
  ASSERT_EQ(watching.get_attributes(data).first(), NFS3_OK);
  ASSERT_EQ(changing.write(data, 0, "x", root).first(), NFS3_OK);
  ASSERT_TRUE(watching.hears_of(data));
  ASSERT_TRUE(silent.ask(NFS_PROGRAM, NFSPROC3_NULL).good());
  EXPECT_TRUE(silent.told.empty());
}

}  // namespace
}  // namespace sfs::test
