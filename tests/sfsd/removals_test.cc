// REMOVE, RMDIR, RENAME, LINK: names go, change and are added, and files stay what they are.
#include <gtest/gtest.h>

#include "tests/sfsd/kernel_faults.h"
#include "tests/sfsd/writing_support.h"

namespace sfs::test {
namespace {

class removing : public a_writable_export {};
INSTANTIATE_FOR_BOTH_NAMINGS(removing);

TEST_P(removing, takes_the_name_away_and_tells_of_the_directory) {
  byte_string d = directory_of(*alice, "d");
  nfs.be(alice);
  byte_string f = nfs.create(d, "f", GUARDED).handle;
  ASSERT_EQ(nfs.make_directory(d, "sub").status, NFS3_OK);
  ASSERT_EQ(nfs.make_link(d, "link", "f").status, NFS3_OK);
  ASSERT_EQ(nfs.make_node(d, "fifo", NF3FIFO).status, NFS3_OK);
  for (const char* name : {"link", "f", "fifo", "sub"}) {
    const fattr3 before = nfs.attributes(d);
    const bool directory = name == std::string("sub");
    const changed c = directory ? nfs.remove_directory(d, name) : nfs.remove(d, name);
    ASSERT_EQ(c.status, NFS3_OK) << name;
    EXPECT_TRUE(tells(nfs, c.wcc, before, d)) << name;
    EXPECT_TRUE(nfs.look_up(d, name).empty());
    EXPECT_EQ(nfs.status, NFS3ERR_NOENT);
  }
  nfs.attributes(f);
  EXPECT_EQ(nfs.status, NFS3ERR_STALE);
}

// What ext4 says to the handle of a file that is gone while another takes over its number.
TEST_P(removing, leaves_a_stale_handle_while_its_number_is_given_to_another_file) {
  byte_string d = directory_of(*alice, "d");
  nfs.be(alice);
  byte_string f = nfs.create(d, "f", GUARDED).handle;
  ASSERT_EQ(nfs.remove(d, "f").status, NFS3_OK);
  faults_for_a_test faults;
  faults.handles_short = 20;
  nfs.attributes(f);
  EXPECT_EQ(nfs.status, NFS3ERR_STALE);
  faults.handles_short = 1'000'000;
  nfs.attributes(f);
  EXPECT_EQ(nfs.status, by_kernel() ? NFS3ERR_JUKEBOX : NFS3ERR_STALE) << "memory is short";
}

TEST_P(removing, says_why_it_does_not) {
  byte_string d = directory_of(*alice, "d"), f = file_of(*alice, "f", "");
  byte_string gone = directory_of(*alice, "gone");
  std::filesystem::remove(root / "gone");
  byte_string forged(40, 1);
  nfs.be(alice);
  ASSERT_EQ(nfs.make_directory(d, "full").status, NFS3_OK);
  scratch.file("root/d/full/f", "");
  ASSERT_EQ(nfs.make_directory(d, "empty").status, NFS3_OK);
  ASSERT_EQ(nfs.create(d, "file", GUARDED).status, NFS3_OK);
  const fattr3 before = nfs.attributes(d);
  struct expectation {
    const char* name;
    nfsstat3 file, directory;
  };
  for (const expectation& e : {expectation{"nothing", NFS3ERR_NOENT, NFS3ERR_NOENT},
                               {"", NFS3ERR_INVAL, NFS3ERR_INVAL},
                               {"a/b", NFS3ERR_INVAL, NFS3ERR_INVAL},
                               {".", NFS3ERR_ISDIR, NFS3ERR_INVAL},
                               {"..", NFS3ERR_ISDIR, NFS3ERR_NOTEMPTY},
                               {"full", NFS3ERR_ISDIR, NFS3ERR_NOTEMPTY}}) {
    const changed c = nfs.remove(d, e.name), r = nfs.remove_directory(d, e.name);
    EXPECT_EQ(c.status, e.file) << e.name;
    EXPECT_EQ(r.status, e.directory) << e.name;
    EXPECT_TRUE(tells(nfs, c.wcc, before, d)) << e.name;
    EXPECT_TRUE(tells(nfs, r.wcc, before, d)) << e.name;
  }
  EXPECT_EQ(nfs.remove(d, "empty").status, NFS3ERR_ISDIR);
  EXPECT_EQ(nfs.remove_directory(d, "file").status, NFS3ERR_NOTDIR);
  EXPECT_EQ(nfs.remove(d, std::string(256, 'n')).status, NFS3ERR_NAMETOOLONG);
  EXPECT_EQ(nfs.remove(d, std::string("file\0", 5)).status, NFS3ERR_INVAL);
  EXPECT_EQ(nfs.remove(f, "n").status, NFS3ERR_NOTDIR);
  EXPECT_EQ(nfs.remove(gone, "n").status, NFS3ERR_STALE);
  EXPECT_EQ(nfs.remove_directory(forged, "n").status, NFS3ERR_BADHANDLE);
  nfs.be(bob);
  EXPECT_EQ(nfs.remove(d, "file").status, NFS3ERR_ACCES);
  EXPECT_EQ(nfs.remove_directory(d, "empty").status, NFS3ERR_ACCES);
  EXPECT_TRUE(same_attributes(nfs.attributes(d), before));
}

TEST_P(removing, from_a_sticky_directory_is_for_the_owner) {
  byte_string d = directory_of(*root_user, "d", 01777);
  nfs.be(alice);
  ASSERT_EQ(nfs.create(d, "f", GUARDED, wanted().mode(0666)).status, NFS3_OK);
  ASSERT_EQ(nfs.make_directory(d, "sub", wanted().mode(0777)).status, NFS3_OK);
  nfs.be(bob);
  ASSERT_EQ(nfs.create(d, "g", GUARDED).status, NFS3_OK);
  EXPECT_EQ(nfs.remove(d, "f").status, NFS3ERR_PERM);
  EXPECT_EQ(nfs.remove_directory(d, "sub").status, NFS3ERR_PERM);
  EXPECT_EQ(nfs.rename(d, "f", d, "mine").status, NFS3ERR_PERM);
  EXPECT_EQ(nfs.rename(d, "g", d, "f").status, NFS3ERR_PERM) << "not over another's either";
  nfs.be(alice);
  EXPECT_EQ(nfs.remove(d, "f").status, NFS3_OK);
}

TEST_P(removing, one_name_of_several_leaves_the_file) {
  byte_string d = directory_of(*alice, "d");
  nfs.be(alice);
  byte_string f = nfs.create(d, "a", GUARDED).handle;
  ASSERT_EQ(nfs.link(f, d, "b").status, NFS3_OK);
  ASSERT_EQ(nfs.remove(d, "a").status, NFS3_OK);
  EXPECT_EQ(nfs.attributes(f).nlink, 1u) << "the handle is the file's and not the name's";
  EXPECT_EQ(nfs.look_up(d, "b"), f);
}

class renaming : public a_writable_export {};
INSTANTIATE_FOR_BOTH_NAMINGS(renaming);

TEST_P(renaming, keeps_the_handle_and_tells_of_both_directories) {
  byte_string d = directory_of(*alice, "d"), e = directory_of(*alice, "e");
  nfs.be(alice);
  byte_string f = nfs.create(d, "f", GUARDED).handle, sub = nfs.make_directory(d, "sub").handle;
  byte_string within = nfs.create(sub, "within", GUARDED).handle;
  for (const char* name : {"f", "sub"}) {
    const fattr3 from = nfs.attributes(d), to = nfs.attributes(e);
    const renamed r = nfs.rename(d, name, e, std::string("new ") + name);
    ASSERT_EQ(r.status, NFS3_OK);
    EXPECT_TRUE(tells(nfs, r.from, from, d));
    EXPECT_TRUE(tells(nfs, r.to, to, e));
    EXPECT_TRUE(nfs.look_up(d, name).empty());
  }
  EXPECT_EQ(nfs.attributes(f).type, NF3REG);
  EXPECT_EQ(nfs.attributes(within).type, NF3REG) << "and what is beneath keeps it too";
  EXPECT_EQ(nfs.look_up(e, "new f"), f);
  EXPECT_EQ(nfs.look_up(e, "new sub"), sub);
  EXPECT_EQ(nfs.look_up(sub, ".."), e);
}

TEST_P(renaming, replaces_what_has_the_new_name) {
  byte_string d = directory_of(*alice, "d");
  nfs.be(alice);
  byte_string f = nfs.create(d, "f", GUARDED).handle, g = nfs.create(d, "g", GUARDED).handle;
  byte_string sub = nfs.make_directory(d, "sub").handle,
              empty = nfs.make_directory(d, "empty").handle;
  EXPECT_EQ(nfs.rename(d, "f", d, "g").status, NFS3_OK);
  EXPECT_EQ(nfs.look_up(d, "g"), f);
  nfs.attributes(g);
  EXPECT_EQ(nfs.status, NFS3ERR_STALE);
  EXPECT_EQ(nfs.rename(d, "sub", d, "empty").status, NFS3_OK);
  EXPECT_EQ(nfs.look_up(d, "empty"), sub);
  EXPECT_EQ(nfs.rename(d, "g", d, "g").status, NFS3_OK) << "itself";
  ASSERT_EQ(nfs.link(f, d, "h").status, NFS3_OK);
  EXPECT_EQ(nfs.rename(d, "g", d, "h").status, NFS3_OK);
  EXPECT_EQ(nfs.attributes(f).nlink, 2u) << "two names of one file both stay";
}

TEST_P(renaming, says_why_it_does_not) {
  byte_string d = directory_of(*alice, "d"), e = directory_of(*alice, "e", 0755);
  byte_string f = file_of(*alice, "f", ""), forged(40, 1);
  nfs.be(alice);
  ASSERT_EQ(nfs.create(d, "file", GUARDED).status, NFS3_OK);
  byte_string sub = nfs.make_directory(d, "sub").handle;
  ASSERT_EQ(nfs.make_directory(d, "full").status, NFS3_OK);
  scratch.file("root/d/full/f", "");
  const fattr3 from = nfs.attributes(d), to = nfs.attributes(e);
  auto fails = [&](byte_string& a, std::string_view x, byte_string& b, std::string_view y) {
    const renamed r = nfs.rename(a, x, b, y);
    if (a == d && b == e) {
      EXPECT_TRUE(tells(nfs, r.from, from, d) && tells(nfs, r.to, to, e)) << x;
    }
    return r.status;
  };
  EXPECT_EQ(fails(d, "nothing", e, "n"), NFS3ERR_NOENT);
  EXPECT_EQ(fails(d, "", e, "n"), NFS3ERR_INVAL);
  EXPECT_EQ(fails(d, "file", e, ""), NFS3ERR_INVAL);
  for (const char* name : {".", "..", "a/b", "../x"}) {
    EXPECT_EQ(fails(d, name, e, "n"), NFS3ERR_INVAL) << name;
    EXPECT_EQ(fails(d, "file", e, name), NFS3ERR_INVAL) << name;
  }
  EXPECT_EQ(fails(d, "file", e, std::string(256, 'n')), NFS3ERR_NAMETOOLONG);
  EXPECT_EQ(fails(d, "file", e, std::string("n\0m", 3)), NFS3ERR_INVAL);
  EXPECT_EQ(fails(d, "file", d, "sub"), NFS3ERR_ISDIR);
  EXPECT_EQ(fails(d, "sub", d, "file"), NFS3ERR_NOTDIR);
  EXPECT_EQ(fails(d, "sub", d, "full"), NFS3ERR_NOTEMPTY);
  EXPECT_EQ(fails(d, "sub", sub, "beneath itself"), NFS3ERR_INVAL);
  EXPECT_EQ(fails(f, "n", e, "n"), NFS3ERR_NOTDIR);
  EXPECT_EQ(fails(d, "file", f, "n"), NFS3ERR_NOTDIR);
  EXPECT_EQ(fails(forged, "n", e, "n"), NFS3ERR_BADHANDLE);
  EXPECT_EQ(fails(d, "file", forged, "n"), NFS3ERR_BADHANDLE);
  nfs.be(bob);
  EXPECT_EQ(fails(d, "file", e, "n"), NFS3ERR_ACCES);
  EXPECT_TRUE(same_attributes(nfs.attributes(d), from));
}

class linking : public a_writable_export {};
INSTANTIATE_FOR_BOTH_NAMINGS(linking);

TEST_P(linking, adds_a_name_and_counts_it) {
  byte_string d = directory_of(*alice, "d"), e = directory_of(*alice, "e");
  nfs.be(alice);
  byte_string f = nfs.create(d, "f", GUARDED).handle;
  for (u_int n = 2; n < 5; ++n) {
    const fattr3 before = nfs.attributes(e);
    const linked l = nfs.link(f, e, std::to_string(n));
    ASSERT_EQ(l.status, NFS3_OK);
    ASSERT_TRUE(l.file.attributes_follow);
    EXPECT_EQ(l.file.post_op_attr_u.attributes.nlink, n);
    EXPECT_TRUE(tells(nfs, l.directory, before, e));
    EXPECT_EQ(nfs.look_up(e, std::to_string(n)), f);
  }
}

TEST_P(linking, to_a_symbolic_link_or_a_node_is_to_itself) {
  byte_string d = directory_of(*alice, "d"), f = file_of(*alice, "f", "");
  nfs.be(alice);
  byte_string link = nfs.make_link(d, "link", "../f").handle,
              dangling = nfs.make_link(d, "dangling", "nothing").handle,
              fifo = nfs.make_node(d, "fifo", NF3FIFO).handle;
  nfs.be(root_user);  // who may link what is not a regular file, whatever the kernel's settings
  for (byte_string* what : {&link, &dangling, &fifo}) {
    const std::string name = "to " + std::to_string(what - &link);
    ASSERT_EQ(nfs.link(*what, d, name).status, NFS3_OK);
    EXPECT_EQ(nfs.look_up(d, name), *what);
    EXPECT_EQ(nfs.attributes(*what).nlink, 2u);
    ASSERT_EQ(nfs.remove(d, name).status, NFS3_OK);
  }
  EXPECT_EQ(nfs.attributes(f).nlink, 1u);
}

TEST_P(linking, says_why_it_does_not) {
  byte_string d = directory_of(*alice, "d"), f = file_of(*alice, "f", ""), forged(40, 1);
  byte_string gone = file_of(*alice, "gone", "");
  std::filesystem::remove(root / "gone");
  nfs.be(alice);
  ASSERT_EQ(nfs.create(d, "there", GUARDED).status, NFS3_OK);
  const fattr3 before = nfs.attributes(d), of_file = nfs.attributes(f);
  auto fails = [&](byte_string& file, byte_string& directory, std::string_view name) {
    const linked l = nfs.link(file, directory, name);
    if (directory == d) {
      EXPECT_TRUE(tells(nfs, l.directory, before, d)) << name;
    }
    if (file == f) {
      EXPECT_TRUE(l.file.attributes_follow) << name;
    }
    return l.status;
  };
  EXPECT_EQ(fails(f, d, "there"), NFS3ERR_EXIST);
  for (const char* name : {"", ".", "..", "a/b", "/", "../x"})
    EXPECT_EQ(fails(f, d, name), NFS3ERR_INVAL) << name;
  EXPECT_EQ(fails(f, d, std::string(256, 'n')), NFS3ERR_NAMETOOLONG);
  EXPECT_EQ(fails(f, f, "n"), NFS3ERR_NOTDIR);
  EXPECT_EQ(fails(d, d, "n"), NFS3ERR_PERM) << "a directory has one name";
  EXPECT_EQ(fails(gone, d, "n"), NFS3ERR_STALE);
  EXPECT_EQ(fails(forged, d, "n"), NFS3ERR_BADHANDLE);
  EXPECT_EQ(fails(f, forged, "n"), NFS3ERR_BADHANDLE);
  byte_string bobs = file_of(*bob, "bobs", "");  // the kernel may ask whose file it is
  nfs.be(bob);
  EXPECT_EQ(fails(bobs, d, "n"), NFS3ERR_ACCES);
  EXPECT_TRUE(same_attributes(nfs.attributes(d), before));
  EXPECT_TRUE(same_attributes(nfs.attributes(f), of_file));
}

}  // namespace
}  // namespace sfs::test
