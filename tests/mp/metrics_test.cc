// Metrics: what they count, and that it is right.
//
// Serves stages 3 to 5, measured.
//
// Thread safety: one runtime at a time, made by the test's own thread.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "mp/detail/metrics_session.h"
#include "mp/detail/observers.h"
#include "mp/metrics.h"
#include "tests/mp/load.h"
#include "tests/mp/tools.h"
#include "tests/mp/trace_tools.h"

namespace async::test {
namespace {

using namespace std::chrono_literals;

template <class Rows>
std::uint64_t runs_of(const Rows& rows, const callback_metrics& other) {
  std::uint64_t runs = other.runs();
  for (const auto& row : rows) runs += row.its.runs();
  return runs;
}

// Runs what `post_all` posts on one CPU, until it calls stop().
template <class F>
metrics_snapshot metrics_of(F&& post_all, metrics_options options = {}) {
  metrics_start(options);
  post_all();
  const run_summary summary = runtime({.cpus = 1}).run();
  metrics_stop();
  const metrics_snapshot all = metrics_read();
  EXPECT_EQ(runs_of(all.sites, all.other_sites), summary.ran);
  EXPECT_EQ(runs_of(all.colors, all.other_colors), summary.ran);
  return all;
}

// Of the one site there.
const callback_metrics& of_line(const metrics_snapshot& all, unsigned line) {
  static const callback_metrics none;
  for (const auto& s : all.sites) {
    if (s.site.line() == line) return s.its;
  }
  return none;
}

const callback_metrics& of_color(const metrics_snapshot& all, const std::string& name) {
  static const callback_metrics none;
  for (const auto& c : all.colors) {
    if (c.name == name) return c.its;
  }
  return none;
}

// Stops behind what was posted before, and what that posts.
void stop_after_all(int turns = 5000) {
  post(color(), [turns] { turns == 0 ? stop() : stop_after_all(turns - 1); });
}

void sleep_for(std::chrono::nanoseconds time) {
  const timespec length{.tv_sec = 0, .tv_nsec = static_cast<long>(time.count())};
  nanosleep(&length, nullptr);
}

void compute_for(std::chrono::nanoseconds time) {
  const auto now = [] {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
  };
  for (const auto begin = now(); now() - begin < time;) {}
}

TEST(metrics, count_the_runs_of_each_site_and_of_each_color) {
  unsigned line = 0;
  const auto all = metrics_of([&] {
    line = __LINE__ + 1;
    for (int i = 0; i != 1000; ++i) post(color(17), [] {});
    const auto child = [] {};
    for (int i = 0; i != 10; ++i) {
      post(color(18), [child] {
        const color other(17);
        post(other, child);
      });
    }
    post(color::of(&line), [] {});
    stop_after_all();
  });
  EXPECT_EQ(of_line(all, line).runs(), 1000u);
  EXPECT_EQ(of_line(all, line + 3).runs(), 10u);
  EXPECT_EQ(of_line(all, line + 5).runs(), 10u);
  EXPECT_EQ(of_color(all, "17").runs(), 1010u);
  EXPECT_EQ(of_color(all, "18").runs(), 10u);
  EXPECT_EQ(all.other_sites.runs() + all.other_colors.runs(), 0u);
}

TEST(metrics, tell_being_blocked_from_computing) {
  unsigned line = 0;
  const auto all = metrics_of([&] {
    line = __LINE__ + 1;
    post(color(17), [] { sleep_for(40ms); });
    for (int i = 0; i != 100; ++i) post(color(17), [] {});
    post(color(18), [] { compute_for(40ms); });
    stop_after_all();
  });
  const auto& slept = of_line(all, line);
  EXPECT_EQ(slept.runs(), 1u);
  EXPECT_EQ(slept.blocked.count(), 1u);
  EXPECT_GE(slept.blocked.sum, 39ms);
  EXPECT_LT(slept.cpu.sum, 20ms);
  EXPECT_GE(of_line(all, line + 2).cpu.sum, 39ms);
  EXPECT_GE(of_color(all, "17").blocked.sum, 39ms);
  EXPECT_GE(of_color(all, "18").cpu.sum, 39ms);
}

TEST(metrics, count_a_long_callback_among_short_ones_of_its_site_as_one) {
  unsigned line = 0;
  const auto all = metrics_of([&] {
    line = __LINE__ + 2;
    for (int i = 0; i != 100; ++i) {
      post(color(17), [i] {
        if (i == 50) compute_for(40ms);
      });
    }
    stop_after_all();
  });
  const auto& its = of_line(all, line);
  EXPECT_EQ(its.runs(), 100u);
  EXPECT_GE(its.cpu.sum, 39ms);
  // 16.8 to 67 ms, to 268 ms, and so on if it was taken off its CPU in a way that nobody saw.
  std::uint64_t long_ones = 0;
  for (std::size_t n = 9; n != duration_histogram::buckets; ++n) long_ones += its.cpu.counts[n];
  EXPECT_EQ(long_ones, 1u);
}

// The first blocks those behind it for 40 ms; those of another color wait for the CPU.
TEST(metrics, tell_waiting_for_the_color_from_waiting_for_a_cpu) {
  constexpr int many = 2000;  // so that some are chosen
  unsigned line = 0;
  const auto all = metrics_of([&] {
    line = __LINE__ + 3;
    post(color(16), [] {
      post(color(17), [] { sleep_for(40ms); });
      for (int i = 0; i != many; ++i) post(color(17), [] {});
      for (int i = 0; i != many; ++i) post(color(18), [] {});
    });
    stop_after_all();
  });
  const auto& behind = of_line(all, line);
  const auto& other = of_line(all, line + 1);
  EXPECT_GT(behind.waited_for_color.count(), many / 100u);
  EXPECT_EQ(behind.waited_for_color.count(), behind.waited_for_cpu.count());
  const auto mean = [](const duration_histogram& h) {
    return h.sum / static_cast<std::int64_t>(h.count() + (h.count() == 0));
  };
  EXPECT_GE(mean(behind.waited_for_color), 39ms);
  EXPECT_LT(mean(behind.waited_for_color), 80ms);
  EXPECT_GT(other.waited_for_cpu.count(), many / 100u);
  EXPECT_GE(mean(other.waited_for_cpu), 39ms);
  EXPECT_LT(mean(other.waited_for_color), 20ms);
}

TEST(metrics, put_together_what_has_no_row_of_its_own) {
  const auto all = metrics_of(
      [] {
        for (unsigned c = 1; c != 101; ++c) post(color(c), [] {});
        post(color(1), [] {});
        post(color(2), [] {});
        stop_after_all();
      },
      {.sites = 2, .colors = 10});
  EXPECT_EQ(all.sites.size(), 2u);
  EXPECT_EQ(all.colors.size(), 10u);
  EXPECT_GE(all.other_sites.runs(), 2u);
  EXPECT_GE(all.other_colors.runs(), 91u);
}

TEST(metrics, put_each_duration_into_the_bucket_whose_bound_it_does_not_exceed) {
  using detail::live_histogram;
  constexpr auto last = duration_histogram::buckets - 1;
  EXPECT_EQ(live_histogram::bucket_of(0), 0u);
  for (std::size_t n = 0; n != last; ++n) {
    EXPECT_EQ(live_histogram::bucket_of(duration_histogram::bound(n)), n);
    EXPECT_EQ(live_histogram::bucket_of(duration_histogram::bound(n) + 1), n + 1);
  }
  EXPECT_EQ(live_histogram::bucket_of(~std::uint64_t{0}), last);
}

TEST(metrics, give_rows_to_the_first_keys_and_none_to_others) {
  detail::row_numbers<int> rows(100);
  EXPECT_EQ(rows.rows(), 101u);
  for (std::uint64_t key = 1; key != 101; ++key) EXPECT_EQ(rows.row_of(key << 32, 7), key);
  for (std::uint64_t key = 1; key != 201; ++key) {
    EXPECT_EQ(rows.row_of(key << 32, 8), key <= 100 ? key : 0u);
  }
  EXPECT_EQ(rows.things(), std::vector<int>(100, 7));
}

TEST(metrics, forget_what_was_measured_before) {
  metrics_of([] {
    for (int i = 0; i != 10; ++i) post(color(17), [] {});
    stop_after_all();
  });
  const auto all = metrics_of([] { stop_after_all(); });
  EXPECT_EQ(of_color(all, "17").runs(), 0u);
  EXPECT_NE(of_color(all, "default").runs(), 0u);
}

TEST(metrics, may_be_started_and_stopped_by_a_callback) {
  start_and_stop_by_a_callback([] { metrics_start(); }, [] { metrics_stop(); });
  EXPECT_FALSE(measuring());
  // From the turn after that of the start to the one in which they are stopped.
  EXPECT_EQ(of_color(metrics_read(), "32").runs(), 3 * turn_length);
}

TEST(metrics, leave_nothing_on_when_they_are_stopped) {
  metrics_start();
  EXPECT_NE(detail::observation.load(), 0u);
  EXPECT_NE(detail::current_metrics(), nullptr);
  metrics_stop();
  EXPECT_EQ(detail::observation.load(), 0u);
  EXPECT_EQ(detail::current_metrics(), nullptr);
}

TEST(metrics, may_be_on_beside_a_trace) {
  trace_start();
  const auto all = metrics_of([] {
    for (int i = 0; i != 100; ++i) post(color(17), [] {});
    stop_after_all();
  });
  trace_stop();
  EXPECT_EQ(of_color(all, "17").runs(), 100u);
  EXPECT_EQ(read_trace().runs.size(), 5101u);
}

// The text.

std::string text_with(where site, const std::string& color) {
  metrics_snapshot all;
  callback_metrics its;
  its.cpu.counts[0] = 2;
  its.cpu.counts[2] = 1;
  its.cpu.counts[duration_histogram::buckets - 1] = 4;
  its.cpu.sum = 90s;
  all.sites.push_back({site, its});
  all.colors.push_back({color, its});
  return detail::text_of(all);
}

TEST(metrics, are_told_as_prometheus_reads_them) {
  const std::string text = text_with(where::current(), "17");
  EXPECT_TRUE(has(text, "# TYPE async_site_cpu_seconds histogram\n")) << text;
  for (const char* line :
       {"_bucket{color=\"17\",le=\"2.56e-07\"} 2\n", "_bucket{color=\"17\",le=\"1.024e-06\"} 2\n",
        "_bucket{color=\"17\",le=\"4.096e-06\"} 3\n", "_bucket{color=\"17\",le=\"+Inf\"} 7\n",
        "_sum{color=\"17\"} 90\n", "_count{color=\"17\"} 7\n"}) {
    EXPECT_TRUE(has(text, std::string("async_color_cpu_seconds") + line)) << text;
  }
  EXPECT_FALSE(has(text, "other")) << text;
}

// The name of a file, and so a label, may be anything.
// clang-format off
where hostile_place() {
#line 7 "a\"b\\c\nd.cc"
  return where::current();
}
#line 1000 "tests/mp/metrics_test.cc"
// clang-format on

TEST(metrics, have_labels_that_no_name_of_a_file_can_leave) {
  const std::string text = text_with(hostile_place(), "a\"} 1\nb\\");
  EXPECT_TRUE(has(text, R"(_count{site="a\"b\\c\nd.cc:7",function=")")) << text;
  EXPECT_TRUE(has(text, R"(_count{color="a\"} 1\nb\\"} 7)")) << text;
}

TEST(metrics, are_written_to_a_file) {
  const temporary_folder folder;
  metrics_of([] {
    post(color(17), [] {});
    stop_after_all();
  });
  const std::string file = folder / "metrics.prom";
  metrics_write(file);
  EXPECT_EQ(text_of(file), metrics_text());
  EXPECT_TRUE(has(text_of(file), "async_color_cpu_seconds_count{color=\"17\"} 1\n"));
  EXPECT_THROW(metrics_write(folder / "none/metrics.prom"), std::system_error);
}

#if !defined(ASYNC_UNIPROCESSOR)  // which has no threads

TEST(metrics, of_two_cpus_are_counted_together_while_they_are_read) {
  constexpr unsigned colors = 20, tokens = 16;
  token_load load(colors, 1, test_seed());
  metrics_start({.sites = 500, .colors = 10});
  runtime cpus({.cpus = 2});
  cpus.start();
  std::atomic<bool> over{false};
  std::thread reader([&] {
    while (!over.load()) EXPECT_FALSE(metrics_text().empty());
  });
  for (unsigned i = 0; i != tokens; ++i) load.post_from(0, i % colors, lighter(20'000));
  load.wait_for(tokens);
  over.store(true);
  reader.join();
  const run_summary summary = cpus.stop();
  metrics_stop();
  EXPECT_EQ(load.overlaps() + load.disorders(), 0u);
  const auto all = metrics_read();
  std::uint64_t runs = all.other_colors.runs(), waits = all.other_colors.waited_for_cpu.count();
  for (const auto& c : all.colors) {
    runs += c.its.runs();
    waits += c.its.waited_for_cpu.count();
  }
  EXPECT_EQ(runs, summary.ran);
  EXPECT_EQ(all.colors.size(), 10u);
  EXPECT_GT(waits, runs / 100);
  EXPECT_LT(waits, runs / 20);
}

#endif

}  // namespace
}  // namespace async::test
