// Copies that are interrupted and go on: `sfs get --resume`.
#include <gtest/gtest.h>

#include <iterator>

#include "examples/sfsd/client/new_file.h"
#include "tests/sfsd/repository.h"
#include "tests/sfsd/server_support.h"

namespace sfs::test {
namespace {

constexpr std::size_t in_doubt = 4 << 20;  // the last pieces may have come in any order

std::ptrdiff_t files_in(const std::filesystem::path& directory) {
  return std::distance(std::filesystem::directory_iterator(directory), {});
}

TEST(a_copy, that_is_resumed_has_all_but_the_last_pieces) {
  const scratch_directory scratch;
  const std::string target = scratch.path() / "target";
  const std::string content(in_doubt + 1000, 'a');
  {
    auto first = new_file::resume(target, "source 1");
    ASSERT_TRUE(first) << first.why();
    EXPECT_EQ(first->had(), 0u);
    EXPECT_EQ(first->write(0, as_bytes(content)), "");
  }
  EXPECT_FALSE(std::filesystem::exists(target));
  auto second = new_file::resume(target, "source 1");
  ASSERT_TRUE(second) << second.why();
  EXPECT_EQ(second->had(), 1000u);
  EXPECT_EQ(second->write(1000, as_bytes(std::string(in_doubt, 'b'))), "");
  EXPECT_EQ(second->keep(), "");
  EXPECT_EQ(text_of_file(target), std::string(1000, 'a') + std::string(in_doubt, 'b'));
  EXPECT_EQ(files_in(scratch.path()), 1);
}

TEST(a_copy, begins_anew_when_the_source_is_another) {
  const scratch_directory scratch;
  const std::string target = scratch.path() / "target";
  {
    auto first = new_file::resume(target, "source 1");
    ASSERT_TRUE(first) << first.why();
    EXPECT_EQ(first->write(0, as_bytes(std::string(in_doubt + 1000, 'a'))), "");
  }
  auto second = new_file::resume(target, "source 2");
  ASSERT_TRUE(second) << second.why();
  EXPECT_EQ(second->had(), 0u);
}

TEST(a_copy, goes_on_where_the_program_was_stopped) {
  const running_server server;
  const std::filesystem::path copies = server.scratch().path() / "copies";
  std::filesystem::create_directory(copies);
  const std::string words = program("sfs") + " get --resume --connect=" + server.place().text +
                            " " + server.path().text() + "/data " + (copies / "one").string();
  const finished cut =
      child_process({"/bin/sh", "-c", "ulimit -c 0; ulimit -f 100; exec " + words}).finish();
  EXPECT_NE(cut.status, 0);
  EXPECT_FALSE(std::filesystem::exists(copies / "one"));
  EXPECT_EQ(files_in(copies), 1) << "what has come is kept";
  const finished rest = child_process({"/bin/sh", "-c", "exec " + words}).finish();
  EXPECT_EQ(rest.status, 0) << rest.errors;
  const std::string got = text_of_file(copies / "one");
  EXPECT_EQ(byte_string(got.begin(), got.end()), server.content());
  EXPECT_EQ(files_in(copies), 1);
}

}  // namespace
}  // namespace sfs::test
