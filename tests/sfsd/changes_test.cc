// SETATTR: whose attributes may be changed by whom, to what, and what is said about it. With it the
// rules that all users of a server are held to: GETATTR, ACCESS.
#include <gtest/gtest.h>

#include "tests/sfsd/writing_support.h"

namespace sfs::test {
namespace {

class setting_attributes : public a_writable_export {};
INSTANTIATE_FOR_BOTH_NAMINGS(setting_attributes);

TEST_P(setting_attributes, gives_root_all_that_it_asks_for_at_once) {
  byte_string f = file_of(*alice, "f", "12345");
  const fattr3 before = nfs.attributes(f);
  const changed c = nfs.set(f, wanted()
                                   .mode(04751)
                                   .uid(bob_id)
                                   .gid(shared_group)
                                   .size(3)
                                   .atime({1000, 999'999'999})
                                   .mtime({2'000'000'000, 1}));
  ASSERT_EQ(c.status, NFS3_OK);
  EXPECT_TRUE(tells(nfs, c.wcc, before, f));
  const fattr3 a = nfs.attributes(f);
  EXPECT_EQ(a.mode, 04751u) << "the set-id bit was asked for together with the owner";
  EXPECT_EQ(a.uid, bob_id);
  EXPECT_EQ(a.gid, shared_group);
  EXPECT_EQ(a.size, 3u);
  EXPECT_TRUE(a.atime == (nfstime3{1000, 999'999'999}));
  EXPECT_TRUE(a.mtime == (nfstime3{2'000'000'000, 1}));
}

TEST_P(setting_attributes, that_asks_for_nothing_changes_nothing) {
  byte_string f = file_of(*alice, "f", "12345", 0640);
  const fattr3 before = nfs.attributes(f);
  nfs.be(bob);
  const changed c = nfs.set(f, wanted());
  EXPECT_EQ(c.status, NFS3_OK);
  EXPECT_TRUE(same_attributes(nfs.attributes(f), before));
}

TEST_P(setting_attributes, is_for_the_owner) {
  byte_string f = file_of(*alice, "f", "12345", 0666);
  const fattr3 before = nfs.attributes(f);
  nfs.be(bob);
  const changed refused = nfs.set(f, wanted().mode(0777));
  EXPECT_EQ(refused.status, NFS3ERR_PERM);
  EXPECT_TRUE(tells(nfs, refused.wcc, before, f)) << "a failure tells too";
  EXPECT_EQ(nfs.set(f, wanted().uid(bob_id)).status, NFS3ERR_PERM);
  EXPECT_EQ(nfs.set(f, wanted().gid(bob_group)).status, NFS3ERR_PERM);
  EXPECT_EQ(nfs.set(f, wanted().mtime({1, 1})).status, NFS3ERR_PERM);
  EXPECT_TRUE(same_attributes(nfs.attributes(f), before));
  nfs.be(alice);
  EXPECT_EQ(nfs.set(f, wanted().mode(0751).mtime({1, 1})).status, NFS3_OK);
  EXPECT_EQ(nfs.attributes(f).mode, 0751u);
}

TEST_P(setting_attributes, does_not_let_an_owner_give_a_file_away_except_to_his_groups) {
  byte_string f = file_of(*alice, "f", "");
  nfs.be(alice);
  EXPECT_EQ(nfs.set(f, wanted().uid(bob_id)).status, NFS3ERR_PERM);
  EXPECT_EQ(nfs.set(f, wanted().gid(bob_group)).status, NFS3ERR_PERM);
  EXPECT_EQ(nfs.set(f, wanted().gid(0)).status, NFS3ERR_PERM);
  EXPECT_EQ(nfs.set(f, wanted().uid(alice_id).gid(shared_group)).status, NFS3_OK);
  EXPECT_EQ(stat_of("f").st_gid, shared_group);
}

TEST_P(setting_attributes, takes_the_set_id_bits_away_with_the_owner) {
  byte_string f = file_of(*alice, "f", "", 06755);
  nfs.be(alice);
  ASSERT_EQ(nfs.set(f, wanted().gid(shared_group)).status, NFS3_OK);
  EXPECT_EQ(nfs.attributes(f).mode, 0755u);
}

TEST_P(setting_attributes, does_not_let_a_user_set_the_group_bit_for_a_group_that_is_not_his) {
  byte_string f = file_of(*alice, "f", "");
  ASSERT_EQ(::chown((root / "f").c_str(), alice_id, bob_group), 0);
  nfs.be(alice);
  ASSERT_EQ(nfs.set(f, wanted().mode(02755)).status, NFS3_OK);
  EXPECT_EQ(nfs.attributes(f).mode, 0755u);
}

TEST_P(setting_attributes, refuses_an_owner_that_nobody_can_be) {
  byte_string f = file_of(*alice, "f", "");
  for (const auto& user : {root_user, alice}) {
    nfs.be(user);
    EXPECT_EQ(nfs.set(f, wanted().uid(0xffffffff)).status, NFS3ERR_INVAL);
    EXPECT_EQ(nfs.set(f, wanted().gid(0xffffffff)).status, NFS3ERR_INVAL);
  }
}

TEST_P(setting_attributes, with_a_guard_is_done_only_if_nobody_changed_the_file_meanwhile) {
  byte_string f = file_of(*alice, "f", "");
  nfs.be(alice);
  const fattr3 seen = nfs.attributes(f);
  EXPECT_EQ(nfs.set(f, wanted().mode(0600), &seen.ctime).status, NFS3_OK);
  // A file system's clock may be coarse: only a time that was never the file's is surely another.
  const nfstime3 other{seen.ctime.seconds - 1, seen.ctime.nseconds},
      another{seen.ctime.seconds, seen.ctime.nseconds ^ 1};
  for (const nfstime3& guard : {other, another}) {
    const fattr3 before = nfs.attributes(f);
    const changed c = nfs.set(f, wanted().mode(0777).size(10), &guard);
    EXPECT_EQ(c.status, NFS3ERR_NOT_SYNC);
    EXPECT_TRUE(tells(nfs, c.wcc, before, f));
    EXPECT_TRUE(same_attributes(nfs.attributes(f), before));
  }
}

TEST_P(setting_attributes, cuts_a_file_and_makes_it_longer_with_zeros) {
  byte_string f = file_of(*alice, "f", "123456789");
  nfs.be(alice);
  ASSERT_EQ(nfs.set(f, wanted().size(4)).status, NFS3_OK);
  ASSERT_EQ(nfs.set(f, wanted().size(6)).status, NFS3_OK);
  EXPECT_EQ(nfs.read_at(f, 0, 100), std::string("1234\0\0", 6));
  const std::uint64_t huge = (std::uint64_t{7} << 30) + 5;
  ASSERT_EQ(nfs.set(f, wanted().size(huge)).status, NFS3_OK);
  EXPECT_EQ(nfs.attributes(f).size, huge);
  EXPECT_LT(nfs.attributes(f).used, 1u << 20) << "with a hole";
  EXPECT_EQ(nfs.read_at(f, huge - 1, 10), std::string(1, '\0'));
  ASSERT_EQ(nfs.set(f, wanted().size(0)).status, NFS3_OK);
  EXPECT_EQ(nfs.attributes(f).size, 0u);
}

// That is what a client asks for when a program opens a file with O_TRUNC.
TEST_P(setting_attributes, lets_whoever_may_write_cut_a_file_and_say_that_it_was_modified_now) {
  byte_string f = file_of(*alice, "f", "12345", 0666);
  ASSERT_EQ(nfs.set(f, wanted().mtime({1, 1})).status, NFS3_OK);
  nfs.be(bob);
  for (const std::uint64_t size : {3, 3, 0})
    EXPECT_EQ(nfs.set(f, wanted().size(size).mtime_now()).status, NFS3_OK) << size;
  EXPECT_EQ(nfs.attributes(f).size, 0u);
  EXPECT_GT(nfs.attributes(f).mtime.seconds, 1u);
  EXPECT_EQ(nfs.set(f, wanted().mtime_now()).status, NFS3ERR_PERM) << "alone, as utimensat(2)";
}

TEST_P(setting_attributes, refuses_sizes_that_no_file_can_have_and_of_what_has_none) {
  byte_string f = file_of(*alice, "f", "1"), d = directory_of(*alice, "d");
  nfs.be(alice);
  for (std::uint64_t size : {std::uint64_t{INT64_MAX} + 1, UINT64_MAX})
    EXPECT_EQ(nfs.set(f, wanted().size(size)).status, NFS3ERR_FBIG) << size;
  EXPECT_EQ(nfs.attributes(f).size, 1u);
  EXPECT_EQ(nfs.set(d, wanted().size(0)).status, NFS3ERR_ISDIR);
  byte_string fifo = nfs.make_node(d, "fifo", NF3FIFO).handle;
  byte_string link = nfs.make_link(d, "link", "../f").handle;
  EXPECT_EQ(nfs.set(fifo, wanted().size(0)).status, NFS3ERR_INVAL);
  EXPECT_EQ(nfs.set(link, wanted().size(0)).status, NFS3ERR_INVAL);
  EXPECT_EQ(nfs.attributes(f).size, 1u) << "no link is followed";
}

TEST_P(setting_attributes, lets_an_owner_cut_what_he_may_not_write_and_nobody_else) {
  byte_string f = file_of(*alice, "f", "12345", 0444), g = file_of(*alice, "g", "12345", 0);
  nfs.be(bob);
  EXPECT_EQ(nfs.set(f, wanted().size(1)).status, NFS3ERR_ACCES);
  EXPECT_EQ(nfs.set(g, wanted().size(1)).status, NFS3ERR_ACCES);
  nfs.be(alice);
  EXPECT_EQ(nfs.set(f, wanted().size(1)).status, NFS3_OK);
  EXPECT_EQ(nfs.set(g, wanted().size(1)).status, NFS3_OK);
  EXPECT_EQ(stat_of("f").st_size, 1);
  EXPECT_EQ(stat_of("g").st_size, 1);
}

TEST_P(setting_attributes, lets_who_may_write_cut_a_file_and_takes_its_set_id_bits_away) {
  byte_string f = file_of(*alice, "f", "12345", 06777);
  nfs.be(bob);
  ASSERT_EQ(nfs.set(f, wanted().size(1)).status, NFS3_OK);
  EXPECT_EQ(nfs.attributes(f).mode, 0777u);
  EXPECT_EQ(nfs.attributes(f).uid, alice_id);
}

TEST_P(setting_attributes, sets_times_to_the_clients_or_to_the_servers) {
  byte_string f = file_of(*alice, "f", "");
  nfs.be(alice);
  ASSERT_EQ(nfs.set(f, wanted().atime({5, 6}).mtime({7, 8})).status, NFS3_OK);
  ASSERT_EQ(nfs.set(f, wanted().mtime({0x7fffffff, 999'999'999})).status, NFS3_OK);
  EXPECT_TRUE(nfs.attributes(f).atime == (nfstime3{5, 6})) << "only what was asked for";
  EXPECT_TRUE(nfs.attributes(f).mtime == (nfstime3{0x7fffffff, 999'999'999}));
  const auto now = static_cast<u_int>(::time(nullptr));
  ASSERT_EQ(nfs.set(f, wanted().atime_now().mtime_now()).status, NFS3_OK);
  EXPECT_GE(nfs.attributes(f).atime.seconds, now - 1);
  EXPECT_GE(nfs.attributes(f).mtime.seconds, now - 1);
}

TEST_P(setting_attributes, lets_who_may_write_say_that_he_has_now_and_at_no_other_time) {
  byte_string f = file_of(*alice, "f", "", 0666);
  nfs.be(bob);
  EXPECT_EQ(nfs.set(f, wanted().atime_now().mtime_now()).status, NFS3_OK);
  EXPECT_EQ(nfs.set(f, wanted().atime({1, 1}).mtime({1, 1})).status, NFS3ERR_PERM);
  EXPECT_EQ(nfs.set(f, wanted().mtime({1, 1})).status, NFS3ERR_PERM);
}

TEST_P(setting_attributes, refuses_what_is_no_time_before_it_has_changed_anything) {
  byte_string f = file_of(*alice, "f", "12345");
  const fattr3 before = nfs.attributes(f);
  nfs.be(alice);
  for (u_int bad : {1'000'000'000u, 0x3fffffffu, 0x3ffffffeu, 0xffffffffu}) {
    EXPECT_EQ(nfs.set(f, wanted().size(1).mode(0600).atime({1, bad})).status, NFS3ERR_INVAL);
    EXPECT_EQ(nfs.set(f, wanted().size(1).mode(0600).mtime({1, bad})).status, NFS3ERR_INVAL);
  }
  for (std::uint32_t no_way_to_say_it : {3u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    sattr3 atime = wanted().mode(0600), mtime = atime;
    std::memcpy(&atime.atime.set_it, &no_way_to_say_it, sizeof no_way_to_say_it);
    std::memcpy(&mtime.mtime.set_it, &no_way_to_say_it, sizeof no_way_to_say_it);
    EXPECT_EQ(nfs.set(f, atime).status, NFS3ERR_INVAL);
    EXPECT_EQ(nfs.set(f, mtime).status, NFS3ERR_INVAL);
  }
  EXPECT_TRUE(same_attributes(nfs.attributes(f), before));
}

TEST_P(setting_attributes, of_a_symbolic_link_never_touches_what_it_points_to) {
  byte_string f = file_of(*alice, "f", "12345", 0644), d = directory_of(*alice, "d");
  nfs.be(alice);
  byte_string link = nfs.make_link(d, "link", (root / "f").string()).handle;
  const fattr3 before = nfs.attributes(f);
  EXPECT_EQ(nfs.set(link, wanted().mtime({3, 4})).status, NFS3_OK);
  EXPECT_TRUE(nfs.attributes(link).mtime == (nfstime3{3, 4}));
  EXPECT_EQ(nfs.set(link, wanted().gid(shared_group)).status, NFS3_OK);
  EXPECT_EQ(nfs.attributes(link).gid, shared_group);
  EXPECT_EQ(nfs.set(link, wanted().mode(0)).status, NFS3_OK) << "it has none";
  EXPECT_TRUE(same_attributes(nfs.attributes(f), before));
}

TEST_P(setting_attributes, of_what_is_gone_or_was_never_there_is_refused) {
  byte_string f = file_of(*alice, "f", "");
  std::filesystem::remove(root / "f");
  const changed c = nfs.set(f, wanted().mode(0));
  EXPECT_EQ(c.status, NFS3ERR_STALE);
  EXPECT_FALSE(c.wcc.before.attributes_follow || c.wcc.after.attributes_follow);
  byte_string forged(32, 7);
  EXPECT_EQ(nfs.set(forged, wanted().mode(0)).status, NFS3ERR_BADHANDLE);
}

class access_rights : public a_writable_export {};
INSTANTIATE_FOR_BOTH_NAMINGS(access_rights);

constexpr u_int change_bits = ACCESS3_MODIFY | ACCESS3_EXTEND;

TEST_P(access_rights, are_the_users_by_uid_and_by_each_of_his_groups) {
  byte_string f = file_of(*alice, "f", "", 0750);
  EXPECT_EQ(nfs.may(f), ACCESS3_READ | change_bits | ACCESS3_EXECUTE) << "of root";
  nfs.be(alice);
  EXPECT_EQ(nfs.may(f), ACCESS3_READ | change_bits | ACCESS3_EXECUTE);
  nfs.be(bob);
  EXPECT_EQ(nfs.may(f), 0u);
  ASSERT_EQ(::chown((root / "f").c_str(), alice_id, shared_group), 0);
  ASSERT_EQ(::chmod((root / "f").c_str(), 0750), 0);
  EXPECT_EQ(nfs.may(f), u_int{ACCESS3_READ | ACCESS3_EXECUTE});
  EXPECT_EQ(nfs.may(f, ACCESS3_READ), u_int{ACCESS3_READ}) << "only what was asked";
  byte_string d = directory_of(*alice, "d", 0700);
  EXPECT_EQ(nfs.may(d), 0u);
  nfs.be(alice);
  EXPECT_EQ(nfs.may(d), ACCESS3_READ | ACCESS3_LOOKUP | change_bits | ACCESS3_DELETE);
}

TEST_P(access_rights, of_a_read_only_export_are_to_look) {
  export_tree::options o = how();
  o.read_only = true;
  writing_client other(root, anonymous::read, 1, o);
  other.be(root_user);
  byte_string d = other.mount();
  EXPECT_EQ(other.may(d), u_int{ACCESS3_READ | ACCESS3_LOOKUP});
}

TEST_P(access_rights, do_not_allow_any_change_in_a_read_only_export) {
  byte_string f = file_of(*alice, "f", "12345", 0666), d = directory_of(*alice, "d", 0777);
  export_tree::options o = how();
  o.read_only = true;
  writing_client other(root, anonymous::read, 1, o);
  byte_string there = other.mount();
  byte_string same = other.look_up(there, "f"), sub = other.look_up(there, "d");
  const fattr3 of_file = nfs.attributes(f), of_directory = nfs.attributes(d),
               of_top = nfs.attributes(top);
  for (const auto& user : {root_user, alice}) {
    other.be(user);
    EXPECT_EQ(other.set(same, wanted().mode(0)).status, NFS3ERR_ROFS);
    EXPECT_EQ(other.write(same, 0, "x").status, NFS3ERR_ROFS);
    EXPECT_EQ(other.create(there, "n", UNCHECKED).status, NFS3ERR_ROFS);
    EXPECT_EQ(other.create_exclusive(there, "n", 1).status, NFS3ERR_ROFS);
    EXPECT_EQ(other.make_directory(there, "n").status, NFS3ERR_ROFS);
    EXPECT_EQ(other.make_link(there, "n", "t").status, NFS3ERR_ROFS);
    EXPECT_EQ(other.make_node(there, "n", NF3FIFO).status, NFS3ERR_ROFS);
    EXPECT_EQ(other.remove(there, "f").status, NFS3ERR_ROFS);
    EXPECT_EQ(other.remove_directory(there, "d").status, NFS3ERR_ROFS);
    EXPECT_EQ(other.rename(there, "f", there, "n").status, NFS3ERR_ROFS);
    EXPECT_EQ(other.link(same, there, "n").status, NFS3ERR_ROFS);
    EXPECT_EQ(other.commit(same).status, NFS3ERR_ROFS);
    EXPECT_EQ(other.read_at(same, 0, 10), "12345") << "looking is allowed";
  }
  EXPECT_TRUE(same_attributes(nfs.attributes(f), of_file));
  EXPECT_TRUE(same_attributes(nfs.attributes(d), of_directory));
  EXPECT_TRUE(same_attributes(nfs.attributes(top), of_top));
}

}  // namespace
}  // namespace sfs::test
