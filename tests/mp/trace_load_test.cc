// Traces of loads on two CPUs: complete as far as they go, and bounded; and what an overwritten
// ring gives to who copies it.
//
// Serves stages 3 to 5, traced.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "tests/mp/load.h"
#include "tests/mp/trace_tools.h"

#if !defined(ASYNC_UNIPROCESSOR)  // which has no threads

namespace async::test {
namespace {

constexpr unsigned colors = 20, outside = 2, tokens = 8;

// Two outside threads start tokens that hop from color to color.
std::uint64_t run_load(std::uint32_t hops, std::uint64_t seed) {
  token_load load(colors, outside, seed);
  runtime cpus({.cpus = 2});
  cpus.start();
  std::vector<std::thread> threads;
  for (unsigned n = 0; n != outside; ++n) {
    threads.emplace_back([&load, n, hops] {
      for (unsigned i = 0; i != tokens; ++i) load.post_from(n, i % colors, hops);
    });
  }
  for (std::thread& thread : threads) thread.join();
  load.wait_for(outside * tokens);
  cpus.stop();
  EXPECT_EQ(load.overlaps() + load.disorders(), 0u);
  return load.ran();
}

// Two runs of one color do not overlap, as the trace has them.
void expect_exclusion(const recorded_trace& trace) {
  std::map<std::uint64_t, std::uint64_t> busy_until;
  std::map<detail::trace_run_id, std::pair<std::uint64_t, std::uint64_t>> times;
  for (const auto& run : trace.runs) {
    auto& until = busy_until[run.color];
    EXPECT_LE(until, run.begin);
    until = run.end;
  }
}

TEST(trace_of_a_load, has_every_run_with_its_post) {
  trace_start({.bytes_per_cpu = 64 << 20});
  const std::uint64_t ran = run_load(lighter(4000), test_seed());
  trace_stop();
  const auto trace = read_trace();
  EXPECT_EQ(trace.dropped, 0u);
  EXPECT_EQ(trace.runs.size(), ran);
  EXPECT_TRUE(trace.going_on.empty());
  EXPECT_TRUE(trace.unrun.empty());
  unsigned from_outside = 0;
  for (const auto& run : trace.runs) {
    ASSERT_TRUE(run.posted);
    ASSERT_LE(run.post.time, run.begin);
    ASSERT_LE(run.begin, run.end);
    ASSERT_LT(run.post.by, run.id);
    from_outside += run.post.by == 0;
  }
  EXPECT_EQ(from_outside, outside * tokens);
  expect_exclusion(trace);
}

TEST(trace_of_a_load, is_a_window_in_which_nothing_is_missing) {
  trace_start({.bytes_per_cpu = 64 << 10});
  const std::uint64_t ran = run_load(lighter(4000), test_seed() + 1);
  trace_stop();
  const auto trace = read_trace();
  ASSERT_GT(trace.dropped, 0u);
  ASSERT_FALSE(trace.runs.empty());
  EXPECT_LT(trace.runs.size(), ran);
  EXPECT_TRUE(trace.unrun.empty());
  expect_exclusion(trace);
  // Each poster is either there, or was before the window.
  for (const auto& run : trace.runs) ASSERT_LT(run.post.by, run.id);
}

TEST(trace_of_a_load, can_be_read_while_it_goes_on) {
  trace_start({.bytes_per_cpu = 256 << 10});
  std::atomic<bool> over{false};
  std::thread reader([&over] {
    do {
      const auto trace = read_trace();
      expect_exclusion(trace);
      for (const auto& run : trace.runs) {
        ASSERT_LE(run.post.time, run.begin);
        ASSERT_LE(run.begin, run.end);
      }
      ASSERT_LE(trace.going_on.size(), 2u);
    } while (!over.load());
  });
  run_load(lighter(8000), test_seed() + 2);
  over.store(true);
  reader.join();
  trace_stop();
}

TEST(trace_of_a_load, may_be_started_and_stopped_at_any_time) {
  std::atomic<bool> over{false};
  std::thread starter([&over] {
    do {
      trace_start({.bytes_per_cpu = 256 << 10});
      std::this_thread::yield();
      if (!over.load()) trace_stop();
      expect_exclusion(read_trace());
    } while (!over.load());
  });
  run_load(lighter(8000), test_seed() + 3);
  over.store(true);
  starter.join();
  trace_stop();
}

TEST(trace_of_a_load, opens_as_a_file_that_the_checker_finds_right) {
  const temporary_folder folder;
  const std::string complete = folder / "complete.json", window = folder / "window.json";
  trace_start({.bytes_per_cpu = 64 << 20});
  run_load(lighter(500), test_seed() + 4);
  trace_write(complete);
  trace_start({.bytes_per_cpu = 128 << 10});
  run_load(lighter(4000), test_seed() + 5);
  trace_write(window);
  trace_stop();
  for (const std::string& file : {complete, window}) {
    const checked result = check_trace(file);
    EXPECT_TRUE(result.right) << result.said;
    EXPECT_EQ(result.said.find(" 0 records dropped") == std::string::npos, file == window);
  }
}

// The ring

TEST(trace_ring, gives_whole_records_in_order_to_who_copies_it_while_it_is_written) {
  constexpr std::size_t size = 256;
  detail::trace_ring ring(size);
  std::atomic<bool> over{false};
  std::thread writer([&] {
    for (std::uint64_t n = 1; !over.load(); ++n) {
      ring.push({n, detail::trace_kind::post, static_cast<std::uint8_t>(n & 14), n, 2 * n, 3 * n});
      if (n % 4 == 0) ring.amend_last(1);
    }
  });
  std::uint64_t wrong = 0, newest = 0;
  for (std::uint64_t copies_of_news = 0; copies_of_news != 300;) {
    std::vector<detail::trace_record> records;
    const std::uint64_t dropped = ring.copy(records);
    wrong += records.size() > size;
    for (std::size_t i = 0; i != records.size(); ++i) {
      const auto& r = records[i];
      wrong += r.time != dropped + i + 1 || (r.flags & 14) != static_cast<int>(r.time & 14) ||
               r.subject != r.time || r.color != 2 * r.time || r.value != 3 * r.time;
    }
    wrong += dropped + records.size() < newest;
    copies_of_news += dropped + records.size() != newest;
    newest = dropped + records.size();
  }
  over.store(true);
  writer.join();
  EXPECT_EQ(wrong, 0u);
}

}  // namespace
}  // namespace async::test

#endif
