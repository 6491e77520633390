// READDIR: every name once, whatever the page size, and nothing else.
#include "examples/sfsd/nfs/readdir.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/sfsd/nfs_support.h"

namespace sfs::test {
namespace {

class a_directory : public testing::Test {
 protected:
  scratch_directory scratch;
  std::filesystem::path root = scratch.directory("root");
  nfs_client nfs{root};
  byte_string top = nfs.mount();
  std::uint8_t verifier[NFS3_COOKIEVERFSIZE]{};
  nfsstat3 status = NFS3_OK;
  bool eof = false;
  std::uint64_t cookie = 0;
  std::map<std::string, std::uint64_t> names;  // to file numbers

  // One page. Adds its entries to `names`; false if one was there already.
  bool page(byte_string& dir, std::uint32_t count) {
    READDIR3args args{as_handle(dir), cookie, {}, count};
    std::copy(std::begin(verifier), std::end(verifier), args.cookieverf);
    auto res = nfs.call<READDIR3res, xdr_READDIR3res>(NFS_PROGRAM, NFSPROC3_READDIR,
                                                      xdr_READDIR3args, args);
    status = (*res)->status;
    if (status != NFS3_OK) return true;
    EXPECT_LE(nfs.last_reply.size() - rpc_accepted_size, std::min(count, readdir_max_reply));
    const auto& ok = (*res)->READDIR3res_u.resok;
    std::copy(std::begin(ok.cookieverf), std::end(ok.cookieverf), verifier);
    eof = ok.reply.eof;
    bool fresh = true;
    for (const entry3* e = ok.reply.entries; e; e = e->nextentry) {
      fresh &= names.emplace(std::string(e->name.filename3_val, e->name.filename3_len), e->fileid)
                   .second;
      cookie = e->cookie;
    }
    return fresh;
  }

  void read_all(byte_string& dir, std::uint32_t count) {
    names.clear();
    cookie = 0;
    eof = false;
    for (int pages = 0; !eof; ++pages) {
      ASSERT_LT(pages, 20000);
      ASSERT_TRUE(page(dir, count)) << "a name came twice";
      ASSERT_EQ(status, NFS3_OK);
    }
  }
};

TEST_F(a_directory, that_is_empty_has_itself_and_its_parent) {
  read_all(top, 4096);
  EXPECT_EQ(names.size(), 2u);
  const std::uint64_t own = nfs.attributes(top).fileid;
  EXPECT_EQ(names["."], own);
  EXPECT_EQ(names[".."], own) << "what is above the export is not shown";
  scratch.directory("root/d");
  byte_string d = nfs.look_up(top, "d");
  read_all(d, 4096);
  EXPECT_EQ(names[".."], own);
}

TEST_F(a_directory, of_ten_thousand_names_gives_each_once_with_any_page_size) {
  for (int i = 0; i < 10'000; ++i) {
    const std::string name =
        std::to_string(i) + std::string(static_cast<std::size_t>(i % 200), 'n');
    const int fd = ::open((root / name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ASSERT_GE(fd, 0);
    ::close(fd);
  }
  for (std::uint32_t count : {700u, 4096u, 32768u, 0xffffffffu}) {
    read_all(top, count);
    EXPECT_EQ(names.size(), 10'002u) << count;
  }
}

TEST_F(a_directory, with_the_longest_names_fits_the_smallest_page_that_can_hold_one) {
  for (char c : {'a', 'b', 'c'}) scratch.file("root/" + std::string(255, c), "");
  read_all(top, 112 + 24 + 256);
  EXPECT_EQ(names.size(), 5u);
  cookie = 0;
  for (std::uint32_t count : {0u, 1u, 100u, 135u}) {
    page(top, count);
    EXPECT_EQ(status, NFS3ERR_TOOSMALL) << count;
  }
}

TEST_F(a_directory, can_be_read_on_while_it_changes) {
  for (int i = 0; i < 500; ++i) scratch.file("root/stays" + std::to_string(i), "");
  page(top, 1000);
  for (int i = 0; i < 100; ++i) scratch.file("root/comes" + std::to_string(i), "");
  while (!eof) ASSERT_TRUE(page(top, 1000));
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(names.count("stays" + std::to_string(i))) << i;
}

TEST_F(a_directory, refuses_cookies_of_another_directory_and_impossible_ones) {
  scratch.file("root/f", "");
  scratch.directory("root/d");
  byte_string d = nfs.look_up(top, "d"), f = nfs.look_up(top, "f");
  page(top, 4096);
  const std::uint64_t good = cookie;
  page(d, 4096);
  EXPECT_EQ(status, NFS3ERR_BAD_COOKIE);
  cookie = UINT64_MAX;
  page(top, 4096);
  EXPECT_EQ(status, NFS3ERR_BAD_COOKIE);
  cookie = good;
  page(top, 4096);
  EXPECT_EQ(status, NFS3_OK);
  EXPECT_TRUE(eof);
  cookie = good;
  verifier[0] ^= 1;
  page(top, 4096);
  EXPECT_EQ(status, NFS3ERR_BAD_COOKIE);
  cookie = 0;
  page(f, 4096);
  EXPECT_EQ(status, NFS3ERR_NOTDIR);
}

TEST_F(a_directory, takes_any_number_for_a_cookie_without_harm) {
  for (int i = 0; i < 100; ++i) scratch.file("root/" + std::to_string(i), "");
  auto random = async::test::make_prng();
  page(top, 4096);
  for (int i = 0; i < 500; ++i) {
    cookie = random() >> random() % 64;
    names.clear();
    page(top, 4096);
    ASSERT_TRUE(status == NFS3_OK || status == NFS3ERR_BAD_COOKIE) << status;
  }
}

TEST_F(a_directory, is_listed_only_if_everybody_may_read_it) {
  scratch.directory("root/d");
  ::chmod((root / "d").c_str(), 0751);
  byte_string d = nfs.look_up(top, "d");
  page(d, 4096);
  EXPECT_EQ(status, NFS3ERR_ACCES);
}

}  // namespace
}  // namespace sfs::test
