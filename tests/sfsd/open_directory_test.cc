// Reading directories from a server that may say anything, and what its errors mean here.
#include "examples/sfsd/mount/open_directory.h"

#include <gtest/gtest.h>

#include <deque>

#include "examples/sfsd/mount/errors.h"
#include "tests/sfsd/mount_support.h"

namespace sfs::test {
namespace {

class an_open_directory : public testing::Test {
 protected:
  struct said {
    std::string name;
    std::uint64_t cookie;
  };
  bool take(std::uint64_t cookie, const std::vector<said>& all, bool eof) {
    std::deque<entry3> list;
    for (const said& s : all)
      list.push_back({7,
                      {static_cast<u_int>(s.name.size()), const_cast<char*>(s.name.data())},
                      s.cookie,
                      nullptr});
    for (std::size_t n = 1; n < list.size(); ++n) list[n - 1].nextentry = &list[n];
    READDIR3resok ok{};
    ok.reply = {list.empty() ? nullptr : &list[0], eof};
    return directory.take(cookie, ok, {});
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& e : directory.entries()) all.push_back(e.name);
    return all;
  }
  using list = std::vector<std::string>;

  fake_timing time;
  listening_kernel kernel;
  inode_table inodes{time, kernel};
  open_directory directory{inodes.of(numbered_handle(1))};
};

TEST_F(an_open_directory, goes_on_where_the_kernel_is) {
  EXPECT_FALSE(directory.position(0));
  ASSERT_TRUE(take(0, {{"a", 10}, {"b", 30}, {"c", 20}}, false));
  EXPECT_EQ(directory.position(0), 0u);
  EXPECT_EQ(directory.position(10), 1u);
  EXPECT_EQ(directory.position(30), 2u);
  EXPECT_FALSE(directory.position(20)) << "more has to be asked for";
  EXPECT_FALSE(directory.position(15));
  EXPECT_EQ(directory.more(), 20u);
  ASSERT_TRUE(take(20, {{"d", 40}}, true));
  EXPECT_EQ(directory.position(20), 0u);
  EXPECT_EQ(directory.position(40), 1u) << "that was all";
  EXPECT_FALSE(directory.more());
}

TEST_F(an_open_directory, leaves_out_names_that_cannot_be) {
  ASSERT_TRUE(take(0,
                   {{"good", 1},
                    {"", 2},
                    {"../evil", 3},
                    {std::string("a\0b", 3), 4},
                    {std::string(1025, 'x'), 5},
                    {"\xff\xfe any bytes", 6}},
                   true));
  EXPECT_EQ(names(), (list{"good", "\xff\xfe any bytes"}));
}

TEST_F(an_open_directory, refuses_positions_that_do_not_move) {
  EXPECT_FALSE(take(0, {}, false)) << "nothing, and yet not all";
  EXPECT_FALSE(take(5, {{"a", 5}}, false));
  EXPECT_FALSE(take(0, {{"a", 1}, {"b", 1}}, false));
  EXPECT_FALSE(take(0, {{"a", 0}}, true));
  EXPECT_FALSE(take(0, {{"a", std::uint64_t{1} << 63}}, true)) << "the kernel's have a sign";
  EXPECT_TRUE(take(0, {}, true));
}

TEST(errors_of_nfs, have_their_own_numbers_here) {
  EXPECT_EQ(errno_of(NFS3_OK), 0);
  EXPECT_EQ(errno_of(NFS3ERR_NOENT), ENOENT);
  EXPECT_EQ(errno_of(NFS3ERR_XDEV), EXDEV);
  EXPECT_EQ(errno_of(NFS3ERR_MLINK), EMLINK);
  EXPECT_EQ(errno_of(NFS3ERR_NAMETOOLONG), ENAMETOOLONG);
  EXPECT_EQ(errno_of(NFS3ERR_NOTEMPTY), ENOTEMPTY);
  EXPECT_EQ(errno_of(NFS3ERR_DQUOT), EDQUOT);
  EXPECT_EQ(errno_of(NFS3ERR_STALE), ESTALE);
  EXPECT_EQ(errno_of(NFS3ERR_BADHANDLE), ESTALE);
  EXPECT_EQ(errno_of(NFS3ERR_NOTSUPP), EOPNOTSUPP);
}

TEST(errors_of_nfs, are_input_output_errors_if_there_is_no_such_thing) {
  for (const int nonsense : {3, 4, 9, 99, 12345, -1, 10002, 10003, 10005, 10006})
    EXPECT_EQ(errno_of(static_cast<nfsstat3>(nonsense)), EIO) << nonsense;
}

}  // namespace
}  // namespace sfs::test
