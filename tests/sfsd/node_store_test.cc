// Handles of a table that is kept in a file: they stay good when the server starts again.
#include "examples/sfsd/nfs/node_store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <map>

#include "tests/sfsd/nfs_support.h"
#include "tests/sfsd/server_support.h"

namespace sfs::test {
namespace {

class a_kept_table : public testing::Test {
 protected:
  static file_identity node(std::uint64_t number) { return {1, number, 5}; }

  // As one server has it.
  struct one_run {
    std::unique_ptr<node_store> store;
    node_table table;
    one_run(const std::string& file, const file_identity& root, std::size_t limit)
        : store(std::move(*node_store::open(file, root))), table(root, limit) {
      EXPECT_EQ(table.keep_in(*store), "");
    }
  };
  one_run start(const file_identity& root = node(1), std::size_t limit = 1000) {
    return {file, root, limit};
  }
  std::string why_not() {
    const auto store = node_store::open(file, node(1));
    return store ? std::string() : store.why();
  }
  void sql(const char* text) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(file.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, text, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }

  scratch_directory scratch;
  const std::string file = scratch.path() / "handles";
};

TEST_F(a_kept_table, has_after_a_restart_what_it_had) {
  std::uint64_t number = 0;
  node_id a = 0, b = 0, c = 0;
  {
    one_run r = start();
    number = r.store->run();
    a = *r.table.remember(node_table::root_id, "a", node(2));
    b = *r.table.remember(a, "\xff b'\n", node(~std::uint64_t{0}));
    c = *r.table.remember(node_table::root_id, "c", node(4));
    EXPECT_EQ(r.table.remember(c, "moved", node(2)), a) << "beneath one with a larger number";
  }
  one_run r = start();
  EXPECT_EQ(r.store->run(), number);
  EXPECT_EQ(r.table.find(b)->path, "c/moved/\xff b'\n");
  EXPECT_EQ(r.table.find(b)->identity, node(~std::uint64_t{0}));
  EXPECT_EQ(r.table.find(node(4)), c);
  EXPECT_EQ(r.table.size(), 4u);
}

TEST_F(a_kept_table, never_gives_a_number_again) {
  node_id last = 0;
  {
    one_run r = start(node(1), 3);
    (void)r.table.remember(node_table::root_id, "a", node(2));
    (void)r.table.remember(node_table::root_id, "b", node(3));
    last = *r.table.remember(node_table::root_id, "c", node(4));
  }
  sql("DELETE FROM nodes");
  one_run r = start();
  EXPECT_GT(*r.table.remember(node_table::root_id, "d", node(5)), last);
  EXPECT_EQ(r.table.find(last), std::nullopt);
}

TEST_F(a_kept_table, is_begun_anew_for_another_root) {
  std::uint64_t number = 0;
  {
    one_run r = start();
    number = r.store->run();
    (void)r.table.remember(node_table::root_id, "a", node(2));
  }
  one_run r = start(node(7));
  EXPECT_NE(r.store->run(), number);
  EXPECT_EQ(r.table.size(), 1u);
}

TEST_F(a_kept_table, has_one_server_at_a_time) {
  const one_run r = start();
  EXPECT_TRUE(why_not().ends_with(": another server uses it")) << why_not();
}

TEST_F(a_kept_table, is_not_read_by_others) {
  const one_run r = start();
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0600));
}

TEST_F(a_kept_table, is_nothing_else) {
  scratch.file("handles", std::string(5000, 'x'));
  EXPECT_TRUE(why_not().ends_with(": file is not a database")) << why_not();
  std::filesystem::remove(file);
  sql("CREATE TABLE theirs (n)");
  EXPECT_TRUE(why_not().ends_with(": this is not a table of handles")) << why_not();
  std::filesystem::remove(file);
  EXPECT_EQ(why_not(), "");
  EXPECT_FALSE(node_store::open("/nowhere/handles", node(1)));
  EXPECT_FALSE(node_store::open(scratch.path(), node(1)));
}

TEST_F(a_kept_table, leaves_out_what_hangs_on_nothing_or_is_there_twice) {
  { const one_run r = start(); }
  sql("INSERT INTO nodes VALUES (10, 1, 'a', 1, 2, 5), (11, 99, 'lost', 1, 3, 5),"
      " (12, 13, 'x', 1, 4, 5), (13, 12, 'y', 1, 5, 5), (14, 1, 'again', 1, 2, 5),"
      " (15, 10, 'root', 1, 1, 5), (16, 10, 'good', 1, 6, 5)");
  const auto check = [this] {
    one_run r = start();
    EXPECT_EQ(r.table.size(), 3u);
    EXPECT_TRUE(r.table.find(node(2)));
    EXPECT_TRUE(r.table.find(node(6)));
    EXPECT_GT(*r.table.remember(node_table::root_id, "new", node(20)), 16u);
  };
  check();
  sql("DELETE FROM nodes WHERE number = 20");
  check();
}

TEST_F(a_kept_table, equals_the_one_in_memory_after_any_use) {
  auto random = async::test::make_prng();
  std::map<node_id, std::string> known;
  for (int run = 0; run < 5; ++run) {
    one_run r = start(node(0), 40);
    for (const auto& [id, path] : known) ASSERT_EQ(r.table.find(id)->path, path) << id;
    std::vector<node_id> given{node_table::root_id};
    for (int i = 0; i < 300; ++i)
      if (const auto id = r.table.remember(given[random() % given.size()],
                                           std::to_string(random() % 10), node(random() % 150)))
        given.push_back(*id);
    known.clear();
    for (const node_id id : given)
      if (const auto found = r.table.find(id)) known[id] = found->path;
  }
}

// The whole of it: a server without the right to the kernel's handles is killed.
TEST_F(a_kept_table, keeps_the_handles_of_clients_when_the_server_is_killed) {
  running_server server({"--handles-from-table", "--handle-table", file, "--anonymous", "read"});
  std::optional<file_handle> handle;
  const auto is_good = [&] {
    auto channel = server.connect();
    if (!channel) return false;
    remote_files files(std::move(*channel));
    if (!handle) handle = std::move(*files.walk("directory/small"));
    const auto attributes = files.attributes(*handle);
    return attributes && attributes->size == 6;
  };
  ASSERT_TRUE(is_good());
  server.kill_and_start_again();
  EXPECT_TRUE(is_good());
  const finished second =
      run_program({"sfsd", "--export", server.scratch().path() / "export", "--key",
                   server.scratch().path() / "key", "--anonymous", "read", "--listen",
                   "127.0.0.1:0", "--handles-from-table", "--handle-table", file});
  EXPECT_NE(second.status, 0);
  EXPECT_NE(second.errors.find("another server uses it"), std::string::npos) << second.errors;
}

}  // namespace
}  // namespace sfs::test
