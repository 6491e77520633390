// Writing behind: what was written gets to the server's disk, in whatever order it answers, and
// however often it crashes.
#include <gtest/gtest.h>

#include "tests/sfsd/mount_support.h"

namespace sfs::test {
namespace {

using std::chrono::milliseconds;

class writing_behind : public testing::Test {
 protected:
  explicit writing_behind(write_limits limits = {}) : writes(server, time, 65'536, limits) {}

  void write(std::uint64_t offset, const std::string& data) {
    writes.write(file, offset, as_bytes(data), nullptr, [this] { ++accepted; });
  }
  void flush() {
    writes.flush(file, [this] { ++flushed; });
  }
  void sync() {
    writes.sync(file, [this] { ++synced; });
  }
  std::string read(std::uint64_t offset, std::size_t size) {
    std::string s(size, '?');
    const bytes to(reinterpret_cast<std::uint8_t*>(s.data()), s.size());
    return file->dirty && file->dirty->read(offset, to) ? s : "not here";
  }

  fake_timing time;
  listening_kernel kernel;
  inode_table inodes{time, kernel};
  async::ref<inode> file = inodes.of(numbered_handle(1));
  keeping_server server;
  write_behind writes;
  int accepted = 0, flushed = 0, synced = 0;
};

TEST_F(writing_behind, takes_a_write_at_once_and_sends_it_after_a_moment) {
  write(0, "hello");
  EXPECT_EQ(accepted, 1);
  EXPECT_TRUE(server.waiting.empty());
  EXPECT_EQ(read(1, 3), "ell");
  time.advance(milliseconds(200));
  ASSERT_EQ(server.waiting.size(), 1u);
  EXPECT_EQ(server.waiting[0].data, "hello");
}

TEST_F(writing_behind, makes_one_write_of_small_ones_in_a_row) {
  for (int i = 0; i < 1000; ++i) write(static_cast<std::uint64_t>(i) * 10, "0123456789");
  flush();
  ASSERT_EQ(server.waiting.size(), 1u);
  EXPECT_EQ(server.waiting[0].data.size(), 10'000u);
}

TEST_F(writing_behind, sends_whole_pieces_at_once) {
  write(0, std::string(200'000, 'x'));
  ASSERT_EQ(server.waiting.size(), 3u);
  for (const auto& a : server.waiting) EXPECT_EQ(a.data.size(), 65'536u);
}

TEST_F(writing_behind, flushes_when_the_server_has_answered_every_write) {
  write(0, std::string(200'000, 'x'));
  flush();
  while (server.waiting.size() > 1) server.answer();
  EXPECT_EQ(flushed, 0);
  server.answer();
  EXPECT_EQ(flushed, 1);
  EXPECT_EQ(server.memory.size(), 200'000u);
  EXPECT_EQ(server.commits, 0);
}

TEST_F(writing_behind, needs_one_round_trip_to_sync_a_small_file) {
  write(0, "hello");
  sync();
  ASSERT_EQ(server.waiting.size(), 1u);
  EXPECT_EQ(server.waiting[0].how, FILE_SYNC);
  server.answer();
  EXPECT_EQ(synced, 1);
  EXPECT_EQ(server.disk, "hello");
  EXPECT_EQ(writes.files(), 0u);
}

TEST_F(writing_behind, commits_to_sync_a_large_file) {
  write(0, std::string(200'000, 'x'));
  sync();
  server.answer_all();
  EXPECT_EQ(synced, 1);
  EXPECT_EQ(server.commits, 1);
  EXPECT_EQ(server.disk.size(), 200'000u);
}

TEST_F(writing_behind, commits_by_itself_after_some_seconds) {
  write(0, std::string(200'000, 'x'));
  flush();
  server.answer_all();
  EXPECT_EQ(server.commits, 0);
  for (int i = 0; i < 60; ++i) {
    time.advance(milliseconds(100));
    server.answer_all();
  }
  EXPECT_EQ(server.commits, 1);
  EXPECT_EQ(server.disk.size(), 200'000u);
  EXPECT_EQ(writes.files(), 0u);
  EXPECT_EQ(writes.gauge(), 0u);
}

TEST_F(writing_behind, writes_again_what_a_crash_has_lost) {
  write(0, std::string(100'000, 'a'));
  flush();
  server.answer_all();
  server.crash();
  EXPECT_EQ(server.memory, "");
  sync();
  server.answer_all();
  EXPECT_EQ(synced, 1);
  EXPECT_EQ(server.disk, std::string(100'000, 'a'));
}

TEST_F(writing_behind, finds_out_soon_that_the_server_was_restarted) {
  write(0, std::string(100'000, 'a'));
  flush();
  server.answer_all();
  server.crash();
  writes.server_restarted();
  for (int i = 0; i < 5; ++i) {
    time.advance(milliseconds(100));
    server.answer_all();
  }
  EXPECT_EQ(server.memory, std::string(100'000, 'a'));
}

TEST_F(writing_behind, never_lets_old_data_land_on_newer) {
  write(0, std::string(65'536, 'a'));
  ASSERT_EQ(server.waiting.size(), 1u);
  write(0, std::string(65'536, 'b'));
  EXPECT_EQ(server.waiting.size(), 1u) << "it waits for the one that is on its way";
  server.answer();
  ASSERT_EQ(server.waiting.size(), 1u);
  server.answer();
  EXPECT_EQ(server.memory, std::string(65'536, 'b'));
}

TEST_F(writing_behind, writes_only_the_newest_again) {
  write(0, std::string(65'536, 'a'));
  server.answer_all();
  write(100, "newer");
  flush();
  server.answer_all();
  server.crash();
  sync();
  server.answer_all();
  std::string expected(65'536, 'a');
  expected.replace(100, 5, "newer");
  EXPECT_EQ(server.disk, expected);
}

TEST_F(writing_behind, sends_again_what_the_server_took_only_a_part_of) {
  server.most_taken = 1000;
  write(0, std::string(5000, 'x'));
  sync();
  server.answer_all();
  EXPECT_EQ(synced, 1);
  EXPECT_EQ(server.disk.size(), 5000u);
}

TEST_F(writing_behind, says_what_was_lost) {
  write(0, "hello");
  flush();
  server.error = ENOSPC;
  server.answer_all();
  EXPECT_EQ(flushed, 1);
  EXPECT_EQ(file->losses, 1u);
  EXPECT_EQ(file->loss, ENOSPC);
  EXPECT_EQ(server.losses, 1);
  EXPECT_EQ(writes.files(), 0u);
}

TEST_F(writing_behind, says_that_a_commit_failed) {
  write(0, std::string(100'000, 'x'));
  flush();
  server.answer_all();
  server.error = EIO;
  sync();
  server.answer_all();
  EXPECT_EQ(synced, 1);
  EXPECT_EQ(file->loss, EIO);
}

TEST_F(writing_behind, does_not_mourn_a_file_that_is_gone) {
  write(0, "hello");
  flush();
  server.error = ESTALE;
  server.answer_all();
  EXPECT_EQ(file->losses, 0u);
}

TEST_F(writing_behind, forgets_what_is_behind_the_end) {
  write(0, std::string(1000, 'a'));
  bool truncated = false;
  writes.truncate(file, 10, [&] { truncated = true; });
  ASSERT_EQ(server.waiting.size(), 1u);
  EXPECT_EQ(server.waiting[0].data, std::string(10, 'a'));
  EXPECT_FALSE(truncated);
  server.answer();
  EXPECT_TRUE(truncated);
}

TEST_F(writing_behind, lets_those_who_wait_pass_those_who_write_later) {
  write(0, "first");
  flush();
  write(5, "second");
  EXPECT_EQ(accepted, 1);
  server.answer();
  EXPECT_EQ(flushed, 1);
  EXPECT_EQ(accepted, 2);
  EXPECT_EQ(read(5, 6), "second");
}

TEST_F(writing_behind, forgets_what_had_to_wait_when_whoever_wrote_it_was_interrupted) {
  write(0, "first");
  flush();
  bool wanted = true;
  int answered = 0;
  const std::string large(100'000, 'x');
  for (int again = 0; again < 20; ++again)
    writes.write(
        file, 5, as_bytes(large), nullptr, [&] { ++answered; }, [&] { return wanted; });
  EXPECT_GT(writes.gauge(), 2'000'000u);
  wanted = false;
  write(5, "second");
  EXPECT_LT(writes.gauge(), 100'000u) << "also while the server is silent";
  server.answer();
  EXPECT_EQ(accepted, 2);
  flush();
  server.answer_all();
  EXPECT_EQ(answered, 0);
  EXPECT_EQ(server.memory, "firstsecond");
}

TEST_F(writing_behind, knows_where_the_file_ends_before_the_server_does) {
  write(1000, "hello");
  EXPECT_EQ(file->dirty->unacknowledged_end(), 1005u);
  flush();
  EXPECT_EQ(file->dirty->unacknowledged_end(), 1005u);
  server.answer();
  EXPECT_EQ(file->dirty->unacknowledged_end(), 0u);
}

TEST_F(writing_behind, ends_when_all_is_on_the_disk) {
  write(0, std::string(100'000, 'x'));
  bool finished = false;
  writes.finish([&] { finished = true; });
  server.answer_all();
  EXPECT_TRUE(finished);
  EXPECT_EQ(server.disk.size(), 100'000u);
}

class writing_with_little_memory : public writing_behind {
 protected:
  writing_with_little_memory() : writing_behind({.memory = 400'000, .on_the_way = 200'000}) {}
};

TEST_F(writing_with_little_memory, makes_writers_wait_and_commits) {
  for (std::uint64_t i = 0; i < 50; ++i) {
    write(i * 65'536, std::string(65'536, static_cast<char>('a' + i % 26)));
    EXPECT_LE(writes.gauge(),
              400'000u + (i + 1 - static_cast<unsigned>(accepted)) * 66'000 + 66'000);
  }
  EXPECT_LT(accepted, 10);
  server.answer_all();
  EXPECT_EQ(accepted, 50);
  EXPECT_GT(server.commits, 3);
  EXPECT_EQ(server.memory.size(), 50u * 65'536);
  for (std::size_t i = 0; i < 50; ++i)
    ASSERT_EQ(server.memory[i * 65'536 + 5], static_cast<char>('a' + i % 26));
}

// Whatever is written, truncated, flushed and answered in whatever order, with crashes in between:
// after a sync the disk has what a plain file would have.
TEST_F(writing_behind, equals_a_plain_file) {
  auto random = async::test::make_prng();
  const auto below = [&random](std::uint64_t n) { return random() % n; };
  for (int round = 0; round < 200; ++round) {
    std::string plain = server.disk;
    for (int step = 0; step < 60; ++step) {
      switch (below(8)) {
        case 0:
        case 1:
        case 2: {
          const std::uint64_t offset = below(200'000);
          const std::string data(1 + below(below(4) == 0 ? 100'000 : 3000),
                                 static_cast<char>('a' + below(26)));
          const int before = accepted;
          write(offset, data);
          while (accepted == before) server.answer(below(server.waiting.size()));
          if (plain.size() < offset + data.size()) plain.resize(offset + data.size());
          plain.replace(offset, data.size(), data);
          break;
        }
        case 3:
          flush();
          break;
        case 4:
          time.advance(milliseconds(below(3000)));
          break;
        case 5:
          if (below(4) == 0) server.crash();
          break;
        default:
          if (!server.waiting.empty()) server.answer(below(server.waiting.size()));
      }
    }
    bool done = false;
    writes.sync(file, [&] { done = true; });
    while (!done) {
      ASSERT_FALSE(server.waiting.empty());
      server.answer(below(server.waiting.size()));
    }
    ASSERT_EQ(server.disk.size(), plain.size()) << "round " << round;
    ASSERT_TRUE(server.disk == plain) << "round " << round;
    server.answer_all();
  }
}

}  // namespace
}  // namespace sfs::test
