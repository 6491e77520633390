// CREATE, MKDIR, SYMLINK, MKNOD: what is made, whose it is, and what is refused.
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <functional>

#include "tests/sfsd/kernel_faults.h"
#include "tests/sfsd/writing_support.h"

namespace sfs::test {
namespace {

class making : public a_writable_export {
 protected:
  // Each way to make something under a name, with attributes.
  using maker = std::function<made(byte_string&, std::string_view, const sattr3&)>;
  std::vector<std::pair<std::string, maker>> makers() {
    return {
        {"CREATE guarded", [this](byte_string& d, std::string_view n,
                                  const sattr3& a) { return nfs.create(d, n, GUARDED, a); }},
        {"CREATE exclusive", [this](byte_string& d, std::string_view n,
                                    const sattr3&) { return nfs.create_exclusive(d, n, 5); }},
        {"MKDIR", [this](byte_string& d, std::string_view n,
                         const sattr3& a) { return nfs.make_directory(d, n, a); }},
        {"SYMLINK", [this](byte_string& d, std::string_view n,
                           const sattr3& a) { return nfs.make_link(d, n, "target", a); }},
        {"MKNOD", [this](byte_string& d, std::string_view n,
                         const sattr3& a) { return nfs.make_node(d, n, NF3FIFO, a); }},
    };
  }
};
INSTANTIATE_FOR_BOTH_NAMINGS(making);

TEST_P(making, gives_the_new_object_and_tells_of_its_directory) {
  byte_string d = directory_of(*alice, "d");
  nfs.be(alice);
  int n = 0;
  for (const auto& [what, make] : makers()) {
    const std::string name = "new " + std::to_string(n++);
    const fattr3 before = nfs.attributes(d);
    made m = make(d, name, wanted());
    ASSERT_EQ(m.status, NFS3_OK) << what;
    EXPECT_EQ(m.handle, nfs.look_up(d, name)) << what;
    EXPECT_TRUE(same_attributes(m.attributes, nfs.attributes(m.handle))) << what;
    EXPECT_EQ(m.attributes.uid, alice_id) << what;
    EXPECT_EQ(m.attributes.gid, alice_group) << what;
    EXPECT_TRUE(tells(nfs, m.directory, before, d)) << what;
    const fattr3 there = nfs.attributes(d);
    const made again = make(d, name, wanted());
    if (what == "CREATE exclusive") continue;  // that it may be repeated has a test of its own
    EXPECT_EQ(again.status, NFS3ERR_EXIST) << what;
    EXPECT_TRUE(tells(nfs, again.directory, there, d)) << what;
  }
}

TEST_P(making, takes_any_bytes_for_a_name_but_those_that_are_none) {
  byte_string d = directory_of(*alice, "d");
  nfs.be(alice);
  std::string all;
  for (int c = 1; c < 256; ++c)
    if (c != '/') all += static_cast<char>(c);
  for (const auto& [what, make] : makers()) {
    for (const std::string& name : {all, std::string("..."), std::string(" "), std::string("\n"),
                                    std::string(".a"), std::string(255, '\xff')}) {
      ASSERT_EQ(make(d, name, wanted()).status, NFS3_OK) << what << " " << name;
      EXPECT_EQ(::remove((root / "d" / name).c_str()), 0);
    }
    EXPECT_EQ(make(d, std::string(256, 'n'), wanted()).status, NFS3ERR_NAMETOOLONG) << what;
    EXPECT_EQ(make(d, std::string(1024, 'n'), wanted()).status, NFS3ERR_NAMETOOLONG) << what;
    EXPECT_EQ(make(d, "", wanted()).status, NFS3ERR_INVAL) << what;
    EXPECT_EQ(make(d, "a/b", wanted()).status, NFS3ERR_INVAL) << what;
    EXPECT_EQ(make(d, "../n", wanted()).status, NFS3ERR_INVAL) << what;
    EXPECT_EQ(make(d, std::string("a\0b", 3), wanted()).status, NFS3ERR_INVAL) << what;
    EXPECT_EQ(make(d, ".", wanted()).status, NFS3ERR_EXIST) << what;
    EXPECT_EQ(make(d, "..", wanted()).status, NFS3ERR_EXIST) << what;
  }
  EXPECT_TRUE(std::filesystem::is_empty(root / "d"));
}

TEST_P(making, needs_a_directory_that_the_user_may_write) {
  byte_string d = directory_of(*alice, "d"), f = file_of(*alice, "f", "");
  byte_string gone = directory_of(*alice, "gone");
  std::filesystem::remove(root / "gone");
  byte_string forged(40, 1);
  for (const auto& [what, make] : makers()) {
    nfs.be(bob);
    EXPECT_EQ(make(d, "n", wanted()).status, NFS3ERR_ACCES) << what;
    nfs.be(alice);
    EXPECT_EQ(make(f, "n", wanted()).status, NFS3ERR_NOTDIR) << what;
    EXPECT_EQ(make(f, ".", wanted()).status, NFS3ERR_NOTDIR) << what;
    EXPECT_EQ(make(gone, "n", wanted()).status, NFS3ERR_STALE) << what;
    const made m = make(forged, "n", wanted());
    EXPECT_EQ(m.status, NFS3ERR_BADHANDLE) << what;
    EXPECT_FALSE(m.directory.before.attributes_follow || m.directory.after.attributes_follow);
  }
  EXPECT_TRUE(std::filesystem::is_empty(root / "d"));
}

TEST_P(making, lets_a_user_write_where_one_of_his_groups_may) {
  byte_string d = directory_of(*root_user, "d", 0775);
  ASSERT_EQ(::chown((root / "d").c_str(), 0, shared_group), 0);
  nfs.be(bob);
  for (const auto& [what, make] : makers())
    EXPECT_EQ(make(d, "by " + what, wanted()).status, NFS3_OK) << what;
}

TEST_P(making, in_a_set_gid_directory_gives_what_is_made_its_group) {
  byte_string d = directory_of(*alice, "d");
  ASSERT_EQ(::chown((root / "d").c_str(), alice_id, shared_group), 0);
  ASSERT_EQ(::chmod((root / "d").c_str(), 02775), 0);
  nfs.be(bob);
  for (const auto& [what, make] : makers()) {
    const made m = make(d, "by " + what, wanted());
    ASSERT_EQ(m.status, NFS3_OK) << what;
    EXPECT_EQ(m.attributes.uid, bob_id) << what;
    EXPECT_EQ(m.attributes.gid, shared_group) << what;
    if (what == "MKDIR") {
      EXPECT_EQ(m.attributes.mode, 02777u) << "it is handed down";
    }
  }
}

TEST_P(making, sets_the_mode_that_is_asked_for_whatever_its_bits) {
  byte_string d = directory_of(*alice, "d");
  nfs.be(alice);
  for (u_int mode : {0u, 0400u, 0644u, 0666u, 0777u, 01777u, 02755u, 04711u, 07777u})
    for (const auto& [what, make] : makers()) {
      if (what == "SYMLINK" || what == "CREATE exclusive") continue;
      const made m = make(d, what + " " + std::to_string(mode), wanted().mode(mode));
      ASSERT_EQ(m.status, NFS3_OK) << what << " " << mode;
      EXPECT_EQ(m.attributes.mode, mode) << what;
    }
  EXPECT_EQ(nfs.create(d, "f", GUARDED).attributes.mode, 0666u) << "if nothing is said";
  EXPECT_EQ(nfs.make_directory(d, "d").attributes.mode, 0777u);
}

TEST_P(making, sets_owner_and_times_as_far_as_the_user_may) {
  byte_string d = directory_of(*alice, "d");
  int n = 0;
  for (const auto& [what, make] : makers()) {
    if (what == "CREATE exclusive") continue;
    nfs.be(root_user);
    made m = make(d, std::to_string(n++), wanted().uid(bob_id).gid(shared_group).mtime({3, 4}));
    ASSERT_EQ(m.status, NFS3_OK) << what;
    EXPECT_EQ(m.attributes.uid, bob_id) << what;
    EXPECT_EQ(m.attributes.gid, shared_group) << what;
    EXPECT_TRUE(m.attributes.mtime == (nfstime3{3, 4})) << what;
    nfs.be(alice);
    m = make(d, std::to_string(n++), wanted().uid(alice_id).gid(shared_group).atime({5, 6}));
    ASSERT_EQ(m.status, NFS3_OK) << what;
    EXPECT_EQ(m.attributes.gid, shared_group) << what;
    EXPECT_TRUE(m.attributes.atime == (nfstime3{5, 6})) << what;
    m = make(d, std::to_string(n), wanted().uid(bob_id));
    EXPECT_EQ(m.status, NFS3ERR_PERM) << what;
    // A user can make nothing that is not his.
    EXPECT_TRUE(
        !std::filesystem::exists(std::filesystem::symlink_status(root / "d" / std::to_string(n))) ||
        stat_of("d/" + std::to_string(n)).st_uid == alice_id);
    ++n;
  }
}

TEST_P(making, keeps_set_id_bits_that_are_asked_for_with_an_owner_or_a_group) {
  byte_string d = directory_of(*alice, "d");
  for (const auto& [what, make] : makers()) {
    if (what == "SYMLINK" || what == "CREATE exclusive") continue;
    nfs.be(root_user);
    made m = make(d, what + " by root", wanted().mode(06751).uid(bob_id).gid(shared_group));
    ASSERT_EQ(m.status, NFS3_OK) << what;
    EXPECT_EQ(m.attributes.mode, 06751u) << what;
    nfs.be(alice);
    m = make(d, what, wanted().mode(06751).gid(shared_group));
    ASSERT_EQ(m.status, NFS3_OK) << what;
    EXPECT_EQ(m.attributes.mode, 06751u) << what;
  }
}

TEST_P(making, a_file_guarded_leaves_what_is_there_as_it_is) {
  byte_string f = file_of(*alice, "f", "12345");
  nfs.be(root_user);
  EXPECT_EQ(nfs.create(top, "f", GUARDED, wanted().size(0).mode(0)).status, NFS3ERR_EXIST);
  EXPECT_EQ(nfs.attributes(f).size, 5u);
}

TEST_P(making, a_file_unchecked_takes_the_one_that_is_there_and_cuts_it_if_asked) {
  byte_string d = directory_of(*alice, "d");
  nfs.be(alice);
  made first = nfs.create(d, "f", UNCHECKED, wanted().mode(0640));
  ASSERT_EQ(first.status, NFS3_OK);
  EXPECT_EQ(first.attributes.mode, 0640u);
  ASSERT_EQ(nfs.write(first.handle, 0, "12345").status, NFS3_OK);
  const made again = nfs.create(d, "f", UNCHECKED, wanted().mode(0777));
  ASSERT_EQ(again.status, NFS3_OK);
  EXPECT_EQ(again.handle, first.handle);
  EXPECT_EQ(again.attributes.mode, 0640u) << "it keeps its attributes";
  EXPECT_EQ(again.attributes.size, 5u);
  const fattr3 before = nfs.attributes(d);
  const made cut = nfs.create(d, "f", UNCHECKED, wanted().size(0).mode(0777).mtime({1, 1}));
  ASSERT_EQ(cut.status, NFS3_OK);
  EXPECT_EQ(cut.attributes.mode, 0640u);
  EXPECT_EQ(cut.attributes.size, 0u);
  EXPECT_TRUE(tells(nfs, cut.directory, before, d));
}

TEST_P(making, a_file_unchecked_does_not_let_a_user_cut_what_he_may_not_write) {
  byte_string f = file_of(*alice, "f", "12345", 0644);
  ASSERT_EQ(::chmod(root.c_str(), 0777), 0);
  nfs.be(bob);
  EXPECT_EQ(nfs.create(top, "f", UNCHECKED, wanted().size(0)).status, NFS3ERR_ACCES);
  EXPECT_EQ(nfs.attributes(f).size, 5u);
}

TEST_P(making, a_file_is_refused_where_something_else_has_the_name_and_no_link_is_followed) {
  byte_string d = directory_of(*alice, "d"), f = file_of(*alice, "f", "12345");
  nfs.be(alice);
  ASSERT_EQ(nfs.make_directory(d, "directory").status, NFS3_OK);
  ASSERT_EQ(nfs.make_link(d, "link", "../f").status, NFS3_OK);
  ASSERT_EQ(nfs.make_link(d, "dangling", "../nothing").status, NFS3_OK);
  ASSERT_EQ(nfs.make_node(d, "fifo", NF3FIFO).status, NFS3_OK);
  for (const char* name : {"directory", "link", "dangling", "fifo"}) {
    EXPECT_EQ(nfs.create(d, name, UNCHECKED, wanted().size(0)).status, NFS3ERR_EXIST) << name;
    EXPECT_EQ(nfs.create(d, name, GUARDED).status, NFS3ERR_EXIST) << name;
    EXPECT_EQ(nfs.create_exclusive(d, name, 0).status, NFS3ERR_EXIST) << name;
  }
  EXPECT_EQ(nfs.attributes(f).size, 5u);
  EXPECT_FALSE(std::filesystem::exists(root / "nothing"));
}

// Regression: a server that ended between the two left a file that the repeated call found in its
// way.
TEST_P(making, a_file_exclusively_gives_it_its_name_only_when_it_has_its_verifier) {
  byte_string d = directory_of(*alice, "d");
  nfs.be(alice);
  {
    faults_for_a_test kernel;
    kernel.times_error = EIO;
    EXPECT_EQ(nfs.create_exclusive(d, "f", 7).status, NFS3ERR_IO);
  }
  EXPECT_FALSE(std::filesystem::exists(root / "d/f"));
  EXPECT_EQ(nfs.create_exclusive(d, "f", 7).status, NFS3_OK);
}

TEST_P(making, a_file_exclusively_may_be_repeated_by_who_made_it_and_by_nobody_else) {
  byte_string d = directory_of(*alice, "d");
  nfs.be(alice);
  for (std::uint64_t verifier :
       {std::uint64_t{0}, std::uint64_t{0x123456789abcdef0}, std::uint64_t{0x7fffffff00000001}}) {
    const std::string name = std::to_string(verifier);
    const made first = nfs.create_exclusive(d, name, verifier);
    ASSERT_EQ(first.status, NFS3_OK);
    const made again = nfs.create_exclusive(d, name, verifier);
    ASSERT_EQ(again.status, NFS3_OK);
    EXPECT_EQ(again.handle, first.handle);
    EXPECT_EQ(nfs.create_exclusive(d, name, verifier ^ 1).status, NFS3ERR_EXIST);
    EXPECT_EQ(nfs.create_exclusive(d, name, verifier ^ (std::uint64_t{1} << 32)).status,
              NFS3ERR_EXIST);
  }
  made m = nfs.create_exclusive(d, "used", 7);
  EXPECT_EQ(m.attributes.mode & 0077, 0u) << "until its attributes are set, it is its owner's";
  ASSERT_EQ(nfs.set(m.handle, wanted().mode(0644).atime_now().mtime_now()).status, NFS3_OK);
  EXPECT_EQ(nfs.create_exclusive(d, "used", 7).status, NFS3ERR_EXIST);
}

TEST_P(making, a_link_keeps_its_target_byte_by_byte) {
  byte_string d = directory_of(*alice, "d");
  nfs.be(alice);
  int n = 0;
  for (const std::string& target :
       {std::string("t"), std::string("/etc/passwd"), std::string("../../.."),
        std::string("\xff\n "), std::string(4095, 'x')}) {
    made m = nfs.make_link(d, std::to_string(n++), target);
    ASSERT_EQ(m.status, NFS3_OK);
    EXPECT_EQ(m.attributes.type, NF3LNK);
    EXPECT_EQ(nfs.target_of(m.handle), target);
  }
  EXPECT_EQ(nfs.make_link(d, "n", "").status, NFS3ERR_INVAL);
  EXPECT_EQ(nfs.make_link(d, "n", std::string("a\0b", 3)).status, NFS3ERR_INVAL);
  EXPECT_EQ(nfs.make_link(d, "n", std::string(4096, 'x')).status, NFS3ERR_NAMETOOLONG);
  byte_string f = nfs.create(d, "f", GUARDED).handle;
  EXPECT_EQ(nfs.target_of(f), "");
  EXPECT_EQ(nfs.status, NFS3ERR_INVAL);
}

TEST_P(making, a_node_of_each_type_and_devices_only_for_root) {
  byte_string d = directory_of(*alice, "d");
  for (ftype3 type : {NF3CHR, NF3BLK, NF3SOCK, NF3FIFO}) {
    nfs.be(root_user);
    const std::string name = std::to_string(type);
    const made m = nfs.make_node(d, name, type, wanted().mode(0600), {7, 300});
    ASSERT_EQ(m.status, NFS3_OK) << type;
    EXPECT_EQ(m.attributes.type, type);
    EXPECT_EQ(m.attributes.mode, 0600u);
    const bool device = type == NF3CHR || type == NF3BLK;
    EXPECT_EQ(m.attributes.rdev.specdata1, device ? 7u : 0u);
    EXPECT_EQ(m.attributes.rdev.specdata2, device ? 300u : 0u);
    if (device) {
      EXPECT_EQ(stat_of("d/" + name).st_rdev, ::makedev(7, 300));
    }
    nfs.be(alice);
    EXPECT_EQ(nfs.make_node(d, "by alice " + name, type, wanted(), {1, 3}).status,
              device ? NFS3ERR_PERM : NFS3_OK)
        << type;
  }
  const fattr3 before = nfs.attributes(d);
  for (ftype3 type : {NF3REG, NF3DIR, NF3LNK}) {
    const made m = nfs.make_node(d, "n", type);
    EXPECT_EQ(m.status, NFS3ERR_BADTYPE) << type;
    EXPECT_TRUE(tells(nfs, m.directory, before, d));
  }
  EXPECT_EQ(nfs.make_node(d, "n", static_cast<ftype3>(99)).status, NFS3ERR_BADTYPE);
}

}  // namespace
}  // namespace sfs::test
