// Ways out of the export that a client with every right on it might try: none of them leads out.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "tests/sfsd/writing_support.h"

namespace sfs::test {
namespace {

class an_escape : public a_writable_export {
 protected:
  std::filesystem::path outside = scratch.directory("outside");
  std::filesystem::path secret = scratch.file("outside/secret", "not exported");

  bool outside_is_untouched() const {
    std::size_t entries = 0;
    for (const auto& e : std::filesystem::directory_iterator(outside)) entries += e.exists();
    return entries == 1 && std::filesystem::file_size(secret) == 12;
  }
  // Everything that could be done to, in or through a directory that must not be reached.
  void expect_shut(byte_string& d) {
    nfs.attributes(d);
    EXPECT_EQ(nfs.status, NFS3ERR_STALE);
    for (const char* name : {"secret", ".", "..", "moved"}) {
      EXPECT_TRUE(nfs.look_up(d, name).empty()) << name;
      EXPECT_EQ(nfs.status, NFS3ERR_STALE) << name;
    }
    EXPECT_EQ(nfs.create(d, "n", UNCHECKED).status, NFS3ERR_STALE);
    EXPECT_EQ(nfs.make_directory(d, "n").status, NFS3ERR_STALE);
    EXPECT_EQ(nfs.make_link(d, "n", "t").status, NFS3ERR_STALE);
    EXPECT_EQ(nfs.make_node(d, "n", NF3FIFO).status, NFS3ERR_STALE);
    EXPECT_EQ(nfs.remove(d, "secret").status, NFS3ERR_STALE);
    EXPECT_EQ(nfs.remove_directory(d, "sub").status, NFS3ERR_STALE);
    EXPECT_EQ(nfs.rename(d, "secret", top, "stolen").status, NFS3ERR_STALE);
    EXPECT_EQ(nfs.rename(top, "f", d, "put").status, NFS3ERR_STALE);
    EXPECT_EQ(nfs.set(d, wanted().mode(0777)).status, NFS3ERR_STALE);
    EXPECT_EQ(nfs.commit(d).status, NFS3ERR_STALE);
  }
};
INSTANTIATE_FOR_BOTH_NAMINGS(an_escape);

TEST_P(an_escape, through_a_directory_that_was_moved_out_is_shut) {
  file_of(*root_user, "f", "");
  byte_string d = directory_of(*root_user, "d"), sub = nfs.make_directory(d, "sub").handle;
  ASSERT_FALSE(sub.empty());
  std::filesystem::rename(root / "d", scratch.path() / "moved");
  expect_shut(d);
  expect_shut(sub);
  std::filesystem::rename(scratch.path() / "moved", root / "d");
  EXPECT_EQ(nfs.look_up(sub, ".."), d) << "and is open again when it is back";
}

TEST_P(an_escape, by_the_parent_of_a_directory_while_it_is_moved_out_is_shut) {
  byte_string d = directory_of(*root_user, "d"), sub = nfs.make_directory(d, "sub").handle;
  const located held = nfs.tree->find(sub);  // a call that has begun
  ASSERT_EQ(held.status, NFS3_OK);
  std::filesystem::rename(root / "d/sub", outside / "sub");
  EXPECT_EQ(nfs.tree->look_up(held, "..", *root_user).status, NFS3ERR_STALE);
  std::filesystem::rename(outside / "sub", root / "d/sub");
}

TEST_P(an_escape, by_a_root_that_was_moved_is_shut_and_the_root_stays_open) {
  byte_string d = directory_of(*root_user, "d");
  std::filesystem::rename(root, scratch.path() / "root 2");
  EXPECT_EQ(nfs.look_up(top, "d"), d);
  EXPECT_EQ(nfs.look_up(top, ".."), top);
  EXPECT_EQ(nfs.look_up(d, ".."), top);
  std::filesystem::rename(scratch.path() / "root 2/d", outside / "d");
  nfs.attributes(d);
  EXPECT_EQ(nfs.status, NFS3ERR_STALE);
  std::filesystem::remove(outside / "d");
  std::filesystem::rename(scratch.path() / "root 2", root);
}

TEST_P(an_escape, to_what_begins_with_the_name_of_the_root_is_shut) {
  byte_string d = directory_of(*root_user, "d");
  scratch.directory("root and more");
  std::filesystem::rename(root / "d", scratch.path() / "root and more/d");
  nfs.attributes(d);
  EXPECT_EQ(nfs.status, NFS3ERR_STALE);
}

TEST_P(an_escape, through_symbolic_links_is_shut) {
  for (const std::string& target : {outside.string(), std::string("../outside"), secret.string(),
                                    std::string("/proc/self/root/etc")}) {
    byte_string link = nfs.make_link(top, "link", target).handle;
    ASSERT_FALSE(link.empty());
    EXPECT_TRUE(nfs.look_up(link, "secret").empty());
    EXPECT_EQ(nfs.status, NFS3ERR_NOTDIR);
    EXPECT_EQ(nfs.create(link, "n", UNCHECKED).status, NFS3ERR_NOTDIR);
    EXPECT_EQ(nfs.remove(link, "secret").status, NFS3ERR_NOTDIR);
    EXPECT_EQ(nfs.rename(link, "secret", top, "stolen").status, NFS3ERR_NOTDIR);
    EXPECT_EQ(nfs.make_directory(link, "n").status, NFS3ERR_NOTDIR);
    EXPECT_EQ(nfs.create(top, "link", UNCHECKED, wanted().size(0)).status, NFS3ERR_EXIST);
    EXPECT_EQ(nfs.write(link, 0, "x").status, NFS3ERR_INVAL);
    EXPECT_EQ(nfs.set(link, wanted().size(0)).status, NFS3ERR_INVAL);
    EXPECT_EQ(nfs.set(link, wanted().mode(0777).uid(bob_id)).status, NFS3_OK) << "of the link";
    EXPECT_EQ(nfs.read_at(link, 0, 10), "");
    EXPECT_EQ(nfs.commit(link).status, NFS3ERR_INVAL);
    EXPECT_EQ(nfs.remove(top, "link").status, NFS3_OK) << "the link";
  }
  struct stat st;
  ASSERT_EQ(::stat(secret.c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 0u);
  EXPECT_EQ(st.st_mode & 07777, 0644u);
  EXPECT_TRUE(outside_is_untouched());
}

TEST_P(an_escape, by_putting_a_link_where_a_directory_was_is_shut) {
  byte_string d = directory_of(*root_user, "d");
  std::filesystem::rename(root / "d", root / "e");
  std::filesystem::create_directory_symlink(outside, root / "d");
  nfs.create(d, "n", UNCHECKED);
  nfs.remove(d, "secret");
  nfs.rename(d, "secret", top, "stolen");
  nfs.make_directory(d, "m");
  EXPECT_TRUE(outside_is_untouched());
  EXPECT_FALSE(std::filesystem::exists(root / "stolen"));
}

TEST_P(an_escape, into_what_is_mounted_within_the_export_is_shut) {
  byte_string d = directory_of(*root_user, "d");
  const auto on = root / "d";
  if (::mount(outside.c_str(), on.c_str(), nullptr, MS_BIND, nullptr) < 0)
    GTEST_SKIP() << "this needs the right to mount";
  EXPECT_TRUE(nfs.look_up(top, "d").empty()) << "the mount is not shown";
  EXPECT_EQ(nfs.status, NFS3ERR_ACCES);
  EXPECT_TRUE(nfs.mount("/d").empty());
  EXPECT_NE(nfs.create(top, "d", UNCHECKED, wanted().size(0)).status, NFS3_OK);
  EXPECT_NE(nfs.remove_directory(top, "d").status, NFS3_OK);
  EXPECT_NE(nfs.rename(top, "d", top, "e").status, NFS3_OK);
  // Who knew the directory before sees what is beneath the mount, or nothing.
  EXPECT_TRUE(nfs.look_up(d, "secret").empty());
  nfs.create(d, "n", UNCHECKED);
  EXPECT_TRUE(outside_is_untouched());
  ASSERT_EQ(::umount2(on.c_str(), MNT_DETACH), 0);
  EXPECT_EQ(nfs.look_up(top, "d"), d);
}

TEST_P(an_escape, with_handles_of_another_export_is_shut) {
  file_of(*root_user, "f", "12345");
  writing_client other(outside, anonymous::read, 1, how());
  other.be(root_user);
  byte_string there = other.mount(), f = other.look_up(there, "secret");
  ASSERT_FALSE(f.empty());
  EXPECT_EQ(nfs.write(f, 0, "x").status, NFS3ERR_BADHANDLE);
  EXPECT_EQ(nfs.set(f, wanted().size(0)).status, NFS3ERR_BADHANDLE);
  EXPECT_EQ(nfs.create(there, "n", UNCHECKED).status, NFS3ERR_BADHANDLE);
  EXPECT_EQ(nfs.link(f, top, "stolen").status, NFS3ERR_BADHANDLE);
  EXPECT_EQ(nfs.rename(there, "secret", top, "stolen").status, NFS3ERR_BADHANDLE);
  EXPECT_EQ(nfs.rename(top, "f", there, "put").status, NFS3ERR_BADHANDLE);
  EXPECT_TRUE(outside_is_untouched());
}

}  // namespace
}  // namespace sfs::test
