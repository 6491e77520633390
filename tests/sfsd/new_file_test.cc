// Where `sfs get` writes: nothing of the user's is lost, and nothing is left behind.
#include "examples/sfsd/client/new_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "tests/sfsd/repository.h"
#include "tests/sfsd/support.h"

namespace sfs::test {
namespace {

class a_new_file : public testing::Test {
 protected:
  scratch_directory scratch;
  std::filesystem::path target = scratch.path() / "target";

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& file : std::filesystem::directory_iterator(scratch.path()))
      all.push_back(file.path().filename());
    std::sort(all.begin(), all.end());
    return all;
  }
  static void write_all(const std::filesystem::path& at, std::string_view text) {
    auto file = new_file::create(at);
    ASSERT_TRUE(file) << file.why();
    EXPECT_EQ(file->write(0, as_bytes(text)), "");
    EXPECT_EQ(file->keep(), "");
  }
  using all = std::vector<std::string>;
};

TEST_F(a_new_file, appears_only_when_it_is_kept_and_touches_no_other) {
  scratch.file("target.part", "mine");
  {
    auto file = new_file::create(target);
    ASSERT_TRUE(file) << file.why();
    EXPECT_EQ(file->write(3, as_bytes("def")), "");
    EXPECT_EQ(file->write(0, as_bytes("abc")), "");
    EXPECT_FALSE(std::filesystem::exists(target));
    EXPECT_EQ(file->keep(), "");
  }
  EXPECT_EQ(text_of_file(target), "abcdef");
  EXPECT_EQ(text_of_file(scratch.path() / "target.part"), "mine");
  EXPECT_EQ(names(), (all{"target", "target.part"}));
}

TEST_F(a_new_file, leaves_the_old_one_when_it_is_not_kept) {
  scratch.file("target", "old");
  {
    auto file = new_file::create(target);
    ASSERT_TRUE(file) << file.why();
    EXPECT_EQ(file->write(0, as_bytes("new")), "");
  }
  EXPECT_EQ(text_of_file(target), "old");
  EXPECT_EQ(names(), all{"target"});
}

TEST_F(a_new_file, keeps_the_mode_of_the_one_it_replaces) {
  std::filesystem::permissions(scratch.file("target", "old"), std::filesystem::perms(0640));
  write_all(target, "new");
  EXPECT_EQ(text_of_file(target), "new");
  EXPECT_EQ(std::filesystem::status(target).permissions(), std::filesystem::perms(0640));
}

TEST_F(a_new_file, is_what_a_link_points_to_whether_it_is_there_or_not) {
  scratch.directory("far");
  std::filesystem::create_symlink("far/file", scratch.path() / "inner");
  std::filesystem::create_symlink(scratch.path() / "inner", target);
  for (const char* text : {"first", "second"}) {
    write_all(target, text);
    EXPECT_EQ(text_of_file(scratch.path() / "far/file"), text);
    EXPECT_TRUE(std::filesystem::is_symlink(target));
    EXPECT_EQ(names(), (all{"far", "inner", "target"}));
  }
}

TEST_F(a_new_file, is_refused_for_a_directory_and_for_a_circle_of_links) {
  std::filesystem::create_symlink("target", target);
  EXPECT_FALSE(new_file::create(target));
  std::filesystem::create_symlink(".", scratch.path() / "here");
  for (const auto& at : {scratch.path(), scratch.path() / "here"}) {
    const auto file = new_file::create(at);
    ASSERT_FALSE(file);
    EXPECT_NE(file.why().find("it is a directory"), std::string::npos);
  }
  EXPECT_EQ(names(), (all{"here", "target"}));
}

TEST_F(a_new_file, writes_straight_to_a_fifo_and_a_device_in_order) {
  ASSERT_EQ(::mkfifo(target.c_str(), 0600), 0);
  const fd_owner reader(::open(target.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  {
    auto file = new_file::create(target);
    ASSERT_TRUE(file) << file.why();
    EXPECT_EQ(file->ahead(), 1u);
    EXPECT_EQ(file->write(0, as_bytes("hello")), "");
    EXPECT_EQ(file->keep(), "");
  }
  char got[6] = {};
  EXPECT_EQ(::read(reader.get(), got, 5), 5);
  EXPECT_STREQ(got, "hello");
  EXPECT_TRUE(std::filesystem::is_fifo(target));
  write_all("/dev/null", "gone");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(a_new_file, is_removed_when_it_cannot_have_its_name) {
  auto file = new_file::create(target);
  ASSERT_TRUE(file) << file.why();
  scratch.directory("target");  // which no file can replace
  EXPECT_NE(file->keep(), "");
  file->discard();
  EXPECT_EQ(names(), all{"target"});
}

TEST_F(a_new_file, is_removed_when_a_signal_ends_the_program) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    EXPECT_EXIT(
        {
          auto file = new_file::create(target);
          if (!file || names().size() != 1) ::_exit(1);
          ::raise(signal);
        },
        testing::KilledBySignal(signal), "");
    EXPECT_EQ(names(), all{});
  }
}

TEST_F(a_new_file, says_why_when_a_write_fails) {
  auto file = new_file::create("/dev/full");
  ASSERT_TRUE(file) << file.why();
  EXPECT_NE(file->write(0, as_bytes("x")).find("No space left"), std::string::npos);
  EXPECT_FALSE(new_file::create(scratch.path() / "nowhere" / "file"));
}

}  // namespace
}  // namespace sfs::test
