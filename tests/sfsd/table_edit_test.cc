// Changes to the table of users: all or nothing, one after the other, and never into a table that a
// server would not read.
#include "examples/sfsd/users/table_edit.h"

#include <gtest/gtest.h>
#include <sys/file.h>

#include <fstream>
#include <thread>

#include "examples/sfsd/base/base32.h"
#include "examples/sfsd/base/fd.h"
#include "tests/sfsd/users_support.h"

namespace sfs::test {
namespace {

const date day = *parse_date("2030-06-15");

std::string content(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class an_edited_table : public testing::Test {
 protected:
  const scratch_directory scratch;
  const std::string path = scratch.path() / "users";
  const public_line a = new_user_key("a").who(), b = new_user_key("her b").who();

  static std::string line(const std::string& user, const public_line& key,
                          const std::string& options = "") {
    return user + " sfs-ed25519 " + base32(key.key) + options + " " + key.comment + "\n";
  }
  void expect_only_the_table() const {
    std::size_t files = 0;
    for (const auto& file : std::filesystem::directory_iterator(scratch.path()))
      files += file.path().filename() != "users";
    EXPECT_EQ(files, 0u) << "temporary files are left behind";
  }
};

TEST_F(an_edited_table, is_made_with_the_first_key) {
  ASSERT_EQ(register_key(path, "ann", a, std::nullopt), "");
  struct stat st;
  ASSERT_EQ(::stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0644u);
  ASSERT_EQ(register_key(path, "bob", b, day), "");
  EXPECT_EQ(content(path), line("ann", a) + line("bob", b, " expires=2030-06-15"));
  expect_only_the_table();
}

TEST_F(an_edited_table, keeps_what_else_is_in_it_and_its_mode) {
  scratch.file("users", "# ours\n\n" + line("ann", a) + "# no newline");
  ::chmod(path.c_str(), 0640);
  ASSERT_EQ(register_key(path, "bob", b, std::nullopt), "");
  EXPECT_EQ(content(path), "# ours\n\n" + line("ann", a) + "# no newline\n" + line("bob", b));
  const auto revoked = revoke_key(path, a.key, day);
  ASSERT_TRUE(revoked) << revoked.why();
  EXPECT_EQ(revoked->user, "ann");
  EXPECT_EQ(content(path), "# ours\n\n" + line("ann", a, " revoked=2030-06-15") + "# no newline\n" +
                               line("bob", b));
  struct stat st;
  ASSERT_EQ(::stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0640u);
  expect_only_the_table();
}

TEST_F(an_edited_table, keeps_its_owner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give files away";
  scratch.file("users", "");
  ASSERT_EQ(::chown(path.c_str(), 0, 12345), 0);
  ASSERT_EQ(register_key(path, "ann", a, std::nullopt), "");
  struct stat st;
  ASSERT_EQ(::stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 0u);
  EXPECT_EQ(st.st_gid, 12345u);
}

TEST_F(an_edited_table, takes_a_key_once_and_never_again_when_it_is_revoked) {
  ASSERT_EQ(register_key(path, "ann", a, std::nullopt), "");
  EXPECT_TRUE(
      has(register_key(path, "bob", a, std::nullopt), ":1: this key is there already, of ann"));
  ASSERT_TRUE(revoke_key(path, a.key, day));
  const std::string before = content(path);
  EXPECT_TRUE(
      has(register_key(path, "ann", a, std::nullopt), ":1: this key was revoked on 2030-06-15"));
  const auto again = revoke_key(path, a.key, day + std::chrono::days(1));
  ASSERT_TRUE(again) << "it is what was asked for";
  EXPECT_EQ(*again->revoked, day) << "the first day counts";
  EXPECT_EQ(content(path), before);
  EXPECT_TRUE(has(revoke_key(path, b.key, day).why(), "this key is not in it"));
}

TEST_F(an_edited_table, is_left_alone_when_something_is_wrong) {
  EXPECT_FALSE(revoke_key(path, a.key, day));
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_NE(register_key(path, "no such name", a, std::nullopt), "");
  EXPECT_NE(register_key(path, "", a, std::nullopt), "");
  EXPECT_FALSE(std::filesystem::exists(path));
  public_line tricky = a;
  for (const std::string& comment : {"x\nroot " + b.text(), std::string("revoked=never"),
                                     std::string("expires=2031-01-01 x"), std::string("x ")}) {
    tricky.comment = comment;
    EXPECT_NE(register_key(path, "ann", tricky, std::nullopt), "") << comment;
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  const std::string broken = line("ann", a) + "what is this\n";
  scratch.file("users", broken);
  EXPECT_TRUE(has(register_key(path, "bob", b, std::nullopt), "users:2: "));
  EXPECT_TRUE(has(revoke_key(path, a.key, day).why(), "users:2: "));
  EXPECT_EQ(content(path), broken);
  ::chmod(path.c_str(), 0666);
  EXPECT_TRUE(has(register_key(path, "bob", b, std::nullopt), "chmod go-w"));
  expect_only_the_table();
}

TEST_F(an_edited_table, behind_a_symbolic_link_stays_there) {
  scratch.directory("real");
  const auto real = scratch.file("real/users", line("ann", a));
  std::filesystem::create_symlink("real/users", path);
  ASSERT_EQ(register_key(path, "bob", b, std::nullopt), "");
  EXPECT_TRUE(std::filesystem::is_symlink(path));
  EXPECT_EQ(content(real), line("ann", a) + line("bob", b));
}

TEST_F(an_edited_table, loses_no_key_when_many_edit_it_at_once) {
  constexpr int writers = 4, each = 8;
  std::vector<std::vector<public_line>> keys(writers);
  for (auto& some : keys)
    for (int i = 0; i < each; ++i) some.push_back(new_user_key().who());
  std::vector<std::thread> threads;
  for (const auto& some : keys)
    threads.emplace_back([this, &some] {
      for (const public_line& key : some) EXPECT_EQ(register_key(path, "ann", key, {}), "");
    });
  for (auto& thread : threads) thread.join();
  const auto entries = parse_table(content(path), "users");
  ASSERT_TRUE(entries) << entries.why();
  EXPECT_EQ(entries->size(), static_cast<std::size_t>(writers * each));
  expect_only_the_table();
}

// Who waits for the lock of a file that is replaced meanwhile must look at the new one.
TEST_F(an_edited_table, that_is_replaced_while_somebody_waits_is_read_again) {
  scratch.file("users", line("ann", a));
  fd_owner lock{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  std::thread waiting([this] { EXPECT_EQ(register_key(path, "ann", b, {}), ""); });
  const public_line other = new_user_key("other").who();
  scratch.file("new", line("bob", other));
  std::filesystem::rename(scratch.path() / "new", path);
  lock = fd_owner();
  waiting.join();
  EXPECT_EQ(content(path), line("bob", other) + line("ann", b));
}

}  // namespace
}  // namespace sfs::test
