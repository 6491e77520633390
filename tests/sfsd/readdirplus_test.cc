// READDIRPLUS beside READDIR and LOOKUP, and directories that are large, closed, or change while
// they are read.
#include "examples/sfsd/nfs/readdir.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "tests/sfsd/writing_support.h"

namespace sfs::test {
namespace {

struct entry {
  std::uint64_t number = 0;
  std::optional<fattr3> attributes;
  byte_string handle;
};

class listing : public a_writable_export {
 protected:
  nfsstat3 status = NFS3_OK;
  bool eof = false;
  std::uint64_t cookie = 0;
  std::uint8_t verifier[NFS3_COOKIEVERFSIZE]{};
  std::map<std::string, entry> names;
  bool twice = false;             // a name came again
  std::vector<std::string> came;  // with the last page

  void from_the_beginning() {
    names.clear();
    cookie = 0;
    eof = twice = false;
  }
  template <class Entry>
  entry& take(const Entry& e) {
    const auto [at, fresh] =
        names.try_emplace(std::string(e.name.filename3_val, e.name.filename3_len));
    twice |= !fresh;
    came.push_back(at->first);
    cookie = e.cookie;
    at->second.number = e.fileid;
    return at->second;
  }

  void page(byte_string& d, u_int count) {
    came.clear();
    READDIR3args args{as_handle(d), cookie, {}, count};
    std::copy(std::begin(verifier), std::end(verifier), args.cookieverf);
    auto res = nfs.call<READDIR3res, xdr_READDIR3res>(NFS_PROGRAM, NFSPROC3_READDIR,
                                                      xdr_READDIR3args, args);
    status = (*res)->status;
    if (status != NFS3_OK) return;
    const auto& ok = (*res)->READDIR3res_u.resok;
    std::copy(std::begin(ok.cookieverf), std::end(ok.cookieverf), verifier);
    for (const entry3* e = ok.reply.entries; e; e = e->nextentry) take(*e);
    eof = ok.reply.eof;
  }

  void page_plus(byte_string& d, u_int count) {
    came.clear();
    READDIRPLUS3args args{as_handle(d), cookie, {}, count, count};
    std::copy(std::begin(verifier), std::end(verifier), args.cookieverf);
    auto res = nfs.call<READDIRPLUS3res, xdr_READDIRPLUS3res>(NFS_PROGRAM, NFSPROC3_READDIRPLUS,
                                                              xdr_READDIRPLUS3args, args);
    status = (*res)->status;
    if (status != NFS3_OK) return;
    EXPECT_LE(nfs.last_reply.size() - rpc_accepted_size, std::min(count, readdir_max_reply));
    const auto& ok = (*res)->READDIRPLUS3res_u.resok;
    std::copy(std::begin(ok.cookieverf), std::end(ok.cookieverf), verifier);
    for (const entryplus3* e = ok.reply.entries; e; e = e->nextentry) {
      entry& it = take(*e);
      EXPECT_EQ(e->name_attributes.attributes_follow, e->name_handle.handle_follows);
      if (!e->name_attributes.attributes_follow) continue;
      it.attributes = e->name_attributes.post_op_attr_u.attributes;
      const auto& h = e->name_handle.post_op_fh3_u.handle.data;
      it.handle.assign(h.data_val, h.data_val + h.data_len);
    }
    eof = ok.reply.eof;
  }

  // Many empty files, made behind the server's back.
  void fill(const std::string& directory, int files) {
    for (int n = 0; n < files; ++n) {
      const auto name = root / directory / std::to_string(n);
      const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
      ASSERT_GE(fd, 0);
      ::close(fd);
    }
  }
};
INSTANTIATE_FOR_BOTH_NAMINGS(listing);

TEST_P(listing, with_attributes_gives_the_names_of_one_without_and_what_lookup_gives) {
  byte_string d = directory_of(*alice, "d");
  nfs.be(alice);
  for (int n = 0; n < 150; ++n)
    ASSERT_EQ(nfs.create(d, "file " + std::to_string(n), GUARDED).status, NFS3_OK);
  ASSERT_EQ(nfs.make_directory(d, "directory").status, NFS3_OK);
  ASSERT_EQ(nfs.make_link(d, "link", "nowhere").status, NFS3_OK);
  ASSERT_EQ(nfs.make_node(d, "fifo", NF3FIFO).status, NFS3_OK);
  while (!eof) page(d, 4096);
  EXPECT_FALSE(twice);
  const auto plain = names;
  for (u_int count : {700u, 4096u, 0xffffffffu}) {
    from_the_beginning();
    while (!eof && status == NFS3_OK) page_plus(d, count);
    ASSERT_EQ(status, NFS3_OK);
    EXPECT_FALSE(twice);
    EXPECT_EQ(names.size(), 155u) << "with itself and its parent";
    for (auto& [name, e] : names) {
      ASSERT_TRUE(plain.contains(name)) << name;
      EXPECT_EQ(e.number, plain.at(name).number) << name;
      ASSERT_TRUE(e.attributes) << name;
      EXPECT_EQ(e.attributes->fileid, e.number) << name;
      EXPECT_EQ(e.handle, nfs.look_up(d, name)) << name;
      EXPECT_TRUE(same_attributes(*e.attributes, nfs.attributes(e.handle))) << name;
    }
  }
}

TEST_P(listing, of_the_root_shows_nothing_above_it) {
  page_plus(top, 4096);
  ASSERT_TRUE(names.contains(".."));
  EXPECT_EQ(names[".."].handle, top);
  EXPECT_EQ(names[".."].number, nfs.attributes(top).fileid);
  EXPECT_EQ(names["."].handle, top);
}

TEST_P(listing, of_what_a_user_may_only_read_gives_him_the_names) {
  byte_string d = directory_of(*alice, "d", 0744);
  scratch.file("root/d/f", "");
  nfs.be(bob);
  page_plus(d, 4096);
  EXPECT_EQ(status, NFS3_OK);
  ASSERT_TRUE(names.contains("f"));
  EXPECT_FALSE(names["f"].attributes) << "he may not look it up";
}

TEST_P(listing, of_what_a_user_may_not_read_is_refused) {
  byte_string d = directory_of(*alice, "d", 0711), f = file_of(*alice, "f", ""), forged(40, 1);
  nfs.be(bob);
  for (bool plus : {false, true}) {
    auto list = [&](byte_string& what, u_int count) {
      plus ? page_plus(what, count) : page(what, count);
      return status;
    };
    EXPECT_EQ(list(d, 4096), NFS3ERR_ACCES);
    EXPECT_EQ(list(f, 4096), NFS3ERR_NOTDIR);
    EXPECT_EQ(list(forged, 4096), NFS3ERR_BADHANDLE);
    EXPECT_EQ(list(top, 100), NFS3ERR_TOOSMALL);
  }
}

TEST_P(listing, of_a_hundred_thousand_names_gives_each_once_also_while_they_are_removed) {
  constexpr int files = async::test::sanitized ? 10'000 : 100'000;
  byte_string d = directory_of(*root_user, "d");
  fill("d", files);
  while (!eof && status == NFS3_OK) page(d, 32768);
  ASSERT_EQ(status, NFS3_OK);
  EXPECT_FALSE(twice);
  EXPECT_EQ(names.size(), files + 2u);
  // What was listed goes while the rest is read, as in `rm -r`.
  from_the_beginning();
  while (!eof && status == NFS3_OK) {
    page(d, 32768);
    for (const std::string& name : came) {
      if (name == "." || name == "..") continue;
      ASSERT_EQ(::unlink((root / "d" / name).c_str()), 0) << "a name came that was gone";
    }
  }
  ASSERT_EQ(status, NFS3_OK);
  EXPECT_EQ(names.size(), files + 2u) << "none was left out";
  EXPECT_TRUE(std::filesystem::is_empty(root / "d"));
}

class descriptions : public a_writable_export {};
INSTANTIATE_FOR_BOTH_NAMINGS(descriptions);

TEST_P(descriptions, of_the_file_system_are_those_of_the_kernel_for_any_file_and_user) {
  byte_string f = file_of(*alice, "f", "", 0), d = directory_of(*alice, "d");
  nfs.be(alice);
  byte_string link = nfs.make_link(d, "link", "nowhere").handle;
  for (const auto& user : {root_user, bob})
    for (byte_string* what : {&top, &f, &link}) {
      nfs.be(user);
      FSSTAT3args stat{as_handle(*what)};
      auto s =
          nfs.call<FSSTAT3res, xdr_FSSTAT3res>(NFS_PROGRAM, NFSPROC3_FSSTAT, xdr_FSSTAT3args, stat);
      ASSERT_EQ((*s)->status, NFS3_OK);
      const auto& ok = (*s)->FSSTAT3res_u.resok;
      EXPECT_GE(ok.tbytes, ok.fbytes);
      EXPECT_GE(ok.fbytes, ok.abytes);
      EXPECT_TRUE(ok.obj_attributes.attributes_follow);
      FSINFO3args info{as_handle(*what)};
      auto i =
          nfs.call<FSINFO3res, xdr_FSINFO3res>(NFS_PROGRAM, NFSPROC3_FSINFO, xdr_FSINFO3args, info);
      ASSERT_EQ((*i)->status, NFS3_OK);
      EXPECT_EQ((*i)->FSINFO3res_u.resok.wtmax, data_max);
      EXPECT_EQ((*i)->FSINFO3res_u.resok.properties,
                u_int{FSF3_LINK | FSF3_SYMLINK | FSF3_HOMOGENEOUS | FSF3_CANSETTIME});
      PATHCONF3args conf{as_handle(*what)};
      auto p = nfs.call<PATHCONF3res, xdr_PATHCONF3res>(NFS_PROGRAM, NFSPROC3_PATHCONF,
                                                        xdr_PATHCONF3args, conf);
      ASSERT_EQ((*p)->status, NFS3_OK);
      EXPECT_EQ((*p)->PATHCONF3res_u.resok.name_max, 255u);
      EXPECT_TRUE((*p)->PATHCONF3res_u.resok.chown_restricted);
    }
}

}  // namespace
}  // namespace sfs::test
