// With whose rights a thread touches files: the user's while it carries out his call, the server's
// own before and after, and never another user's.
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>

#include "examples/sfsd/nfs/changes.h"
#include "tests/sfsd/writing_support.h"

namespace sfs::test {
namespace {

// What the kernel says of the thread that asks.
struct kernel_identity {
  uid_t fsuid;
  gid_t fsgid;
  std::vector<gid_t> groups;
  std::uint64_t capabilities;
};

kernel_identity identity() {
  kernel_identity is{};
  std::ifstream status("/proc/thread-self/status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    std::uint64_t numbers[4]{};
    if (name == "Uid:" || name == "Gid:") {
      for (auto& n : numbers) words >> n;
      (name == "Uid:" ? is.fsuid : is.fsgid) = static_cast<uid_t>(numbers[3]);
    } else if (name == "Groups:") {
      for (gid_t g; words >> g;) is.groups.push_back(g);
    } else if (name == "CapEff:") {
      words >> std::hex >> is.capabilities;
    }
  }
  return is;
}

constexpr std::uint64_t capability(unsigned n) { return std::uint64_t{1} << n; }
// CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_MKNOD
constexpr std::uint64_t over_files =
    capability(0) | capability(1) | capability(2) | capability(3) | capability(4) | capability(27);

class identity_of_a_thread : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_act()) GTEST_SKIP() << "this needs root";
  }
  async::ref<const principal> alice =
      user_named(alice_id, alice_group, {alice_group, shared_group});
  async::ref<const principal> bob = user_named(bob_id, bob_group, {bob_group});
  async::ref<const principal> root_user = user_named(0, 0, {0});
};

void expect_is(const principal& who) {
  const kernel_identity is = identity();
  EXPECT_EQ(is.fsuid, who.account.uid);
  EXPECT_EQ(is.fsgid, who.account.gid);
  auto groups = who.account.groups;
  std::sort(groups.begin(), groups.end());
  EXPECT_EQ(is.groups, groups);
  EXPECT_EQ(is.capabilities & over_files, who.account.uid == 0 ? over_files : 0u);
}

TEST_F(identity_of_a_thread, is_the_users_as_long_as_it_acts_for_him_and_its_own_afterwards) {
  for (const auto& who : {alice, bob, root_user, alice, alice, make_anonymous(), bob}) {
    {
      const acting as(*who);
      expect_is(*who);
    }
    EXPECT_EQ(identity().fsuid, 0u);
    EXPECT_EQ(identity().capabilities & over_files, over_files);
  }
}

TEST_F(identity_of_a_thread, is_that_threads_alone) {
  async::test::baton began, end;
  std::thread other([&] {
    const acting as(*alice);
    expect_is(*alice);
    began.post();
    end.wait();
    expect_is(*alice);
  });
  began.wait();
  EXPECT_EQ(identity().fsuid, 0u);
  {
    const acting as(*bob);
    expect_is(*bob);
  }
  end.post();
  other.join();
}

TEST_F(identity_of_a_thread, with_the_same_numbers_as_before_has_the_new_groups) {
  { const acting as(*alice); }
  const auto left_a_group = user_named(alice_id, alice_group, {alice_group});
  const acting as(*left_a_group);
  expect_is(*left_a_group);
}

class the_identity_of_calls : public a_writable_export {};
INSTANTIATE_FOR_BOTH_NAMINGS(the_identity_of_calls);

TEST_P(the_identity_of_calls, is_the_servers_again_after_each_whether_it_worked_or_not) {
  byte_string mine = directory_of(*alice, "mine"), f = file_of(*alice, "f", "x"),
              closed = directory_of(*root_user, "closed", 0700);
  nfs.be(alice);
  auto own_again = [&] { return ::setfsuid(static_cast<uid_t>(-1)) == 0; };
  for (byte_string* d : {&mine, &closed}) {
    nfs.look_up(*d, "f");
    EXPECT_TRUE(own_again());
    nfs.look_up(*d, "..");
    EXPECT_TRUE(own_again());
    nfs.may(*d);
    EXPECT_TRUE(own_again());
    byte_string made = nfs.create(*d, "g", UNCHECKED, wanted().uid(0)).handle;
    EXPECT_TRUE(own_again());
    nfs.create(*d, "h", UNCHECKED, wanted().size(10));
    EXPECT_TRUE(own_again());
    nfs.create_exclusive(*d, "i", 1);
    nfs.make_directory(*d, "d");
    nfs.make_link(*d, "l", "t");
    nfs.make_node(*d, "n", NF3CHR);
    EXPECT_TRUE(own_again());
    nfs.set(*d, wanted().uid(bob_id).mode(0).mtime({1, 1}));
    nfs.link(f, *d, "again");
    nfs.rename(*d, "h", *d, "j");
    nfs.remove(*d, "j");
    nfs.remove_directory(*d, "d");
    EXPECT_TRUE(own_again());
  }
  nfs.write(f, 0, "y");
  nfs.write(f, INT64_MAX, "y");
  nfs.read_at(f, 0, 1);
  nfs.set(f, wanted().size(UINT64_MAX));
  nfs.commit(f);
  EXPECT_TRUE(own_again());
}

struct worker {
  async::ref<const principal> who;
  std::string directory;  // which only he may use
};

nfs_fh3 raw(sealed_handle& h) { return {{h.size, reinterpret_cast<char*>(h.held)}}; }

// Makes, writes and removes a file in the user's directory, and tries to make one in another's.
// How many of the answers were not those that this user has to get.
int use_files_as(const worker& me, const worker& other, export_tree& tree, change_watch& watch,
                 std::string_view name) {
  block_pool pool;
  lease_notes notes;
  write_verifier verifier;
  std::counting_semaphore<> no_files{0};
  const recent_files open(no_files);
  const call_context c{tree, *me.who, verifier, watch, notes, open};
  const located root = tree.walk("/", *me.who);
  const located own = tree.look_up(root, me.directory, *me.who),
                closed = tree.look_up(root, other.directory, *me.who);
  if (own.status != NFS3_OK || closed.status != NFS3_OK) return 1;
  sealed_handle to_own = tree.handle_of(own), to_closed = tree.handle_of(closed);
  CREATE3args mine{{raw(to_own), as_name(name)}, {UNCHECKED, {}}};
  made_result result{};
  create(c, mine, result);
  const auto& a = result.res.new_object_res_u.resok.obj_attributes.post_op_attr_u.attributes;
  int wrong =
      result.res.status != NFS3_OK || a.uid != me.who->account.uid || a.gid != me.who->account.gid;
  CREATE3args others{{raw(to_closed), as_name(name)}, {UNCHECKED, {}}};
  made_result refused{};
  create(c, others, refused);
  wrong += refused.res.status != NFS3ERR_ACCES;
  data_call call;
  call.handle = result.handle;
  call.writes = true;
  call.data = as_bytes(std::string_view("data"));
  call.count = static_cast<std::uint32_t>(call.data.size());
  nfsstat3 why = NFS3_OK;
  const auto file = open_for(tree, call, me.who, why);
  wrong += !file;
  if (file) pool.give(write_file(call, file.get(), why, verifier, watch, pool).release());
  REMOVE3args gone{{raw(to_own), as_name(name)}};
  wcc_res removed{};
  remove_file(c, gone, removed);
  wrong += removed.status != NFS3_OK;
  wrong += ::setfsuid(static_cast<uid_t>(-1)) != 0;
  return wrong;
}

// Each thread is one user after the other, as a CPU of the server is.
TEST_P(the_identity_of_calls, of_several_threads_do_not_mix) {
  if (!by_kernel()) GTEST_SKIP() << "the table is used from one color only";
  std::vector<worker> workers;
  for (uid_t n = 0; n < 4; ++n) {
    const uid_t uid = alice_id + n;
    workers.push_back({user_named(uid, uid, {uid, 50'000 + n}), "own" + std::to_string(n)});
    directory_of(*workers.back().who, workers.back().directory, 0700);
  }
  constexpr std::size_t rounds = async::test::sanitized ? 100 : 500;
  change_watch watch;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t me = 0; me < workers.size(); ++me)
    threads.emplace_back([&, me] {
      for (std::size_t round = me; round < me + rounds; ++round)
        wrong +=
            use_files_as(workers[round % workers.size()], workers[(round + 1) % workers.size()],
                         *nfs.tree, watch, "by thread " + std::to_string(me));
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace sfs::test
