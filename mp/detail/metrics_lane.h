// What one CPU measures: its rows of the tables, and the clock that it reads once for each
// callback.
//
// Serves stages 3 to 5, while they are measured.
//
// Reading the clock may cost more than a small callback. So up to four callbacks of one site and
// one color that run in a row share a reading, as long as they are short: the sums are exact all
// the same, and if some passed that was not short, one of the four is taken to have been long.
//
// Thread-safety: all by the lane's worker; the rows may be read by any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "mp/detail/color_state.h"
#include "mp/detail/cpu_reader.h"
#include "mp/detail/metrics_table.h"
#include "mp/detail/post_times.h"
#include "mp/detail/task.h"
#include "mp/detail/trace_clock.h"
#include "wrap/where.h"

namespace async::detail {

// Which callbacks are noted when they are posted: one in metrics_sampling, at random.
class sampler {
 public:
  explicit sampler(std::uint64_t seed) noexcept
      : random_(static_cast<std::uint32_t>(seed >> 4) | 1) {}
  bool chooses() noexcept {
    if (--left_ != 0) [[likely]]
      return false;
    random_ ^= random_ << 13;
    random_ ^= random_ >> 17;
    random_ ^= random_ << 5;
    left_ = 1 + random_ % (2 * metrics_sampling - 1);
    return true;
  }

 private:
  std::uint32_t random_;
  unsigned left_ = metrics_sampling;
};

// The key of a site: another one for another site.
inline std::uint64_t key_of(where site) noexcept {
  if constexpr (sizeof(where) == sizeof(std::uint64_t)) {
    std::uint64_t key;
    std::memcpy(&key, &site, sizeof key);
    return key;
  } else {
    const auto file = reinterpret_cast<std::uintptr_t>(site.file_name());
    const auto function = reinterpret_cast<std::uintptr_t>(site.function_name());
    return ((file * 0x9e3779b97f4a7c15u) ^ function) * 0xff51afd7ed558ccdu + site.line();
  }
}

using site_rows = row_numbers<where>;
using color_rows = row_numbers<std::uint64_t>;  // by trace_lane's name_of()

class metrics_lane {
 public:
  // Throws std::bad_alloc.
  metrics_lane(site_rows& sites, color_rows& colors, post_times& posts, double ns_per_tick);

  // A callback of `color` is about to be posted.
  void post(const task* t, const color_state& color) noexcept {
    if (sampler_.chooses()) note_post(posts_, t, color);
  }
  static void note_post(post_times& posts, const task* t, const color_state& color) noexcept {
    posts.note(t, {trace_clock::now(), color.work.load(std::memory_order_relaxed)});
  }

  // The worker does something else than running callbacks.
  void pause() noexcept { paused_ = true; }
  // And what there was before it counts: before a sleep.
  void sleep() noexcept {
    pause();
    if (longest_ != 0) read();
  }

  // Callbacks, in this order:
  //   open()            before the first of a color that are run in a row
  //   begin(), end()    for each
  //   close()           behind the last
  void open(color_state& color, std::uint64_t name) noexcept {
    if (paused_) go_on();
    if (name != color_name_) {
      color_name_ = name;
      color_ = &color_rows_[colors_.row_of(name, name)];
    }
    work_ = (color.work.load(std::memory_order_relaxed) >> 1) - time_;
    color.work.store(work_ << 1 | 1, std::memory_order_relaxed);
  }

  void begin(const task* t) noexcept {
    const std::uint64_t key = key_of(t->site);
    known_site& known = known_sites_[key * 0x9e3779b97f4a7c15u >> 58];
    if (known.key != key) [[unlikely]] {
      const std::size_t row = is_reaper(*t) ? 0 : sites_.row_of(key, t->site);
      known = {key, &site_rows_[row]};
    }
    if (unsettled_ == together_ || (unsettled_ != 0 && known.row != site_)) settle();
    site_ = known.row;
    post_times::moment posted;
    if (posts_.take(t, posted)) [[unlikely]]
      waited(posted);
  }

  void end(bool was_callback) noexcept {
    if (was_callback) ++unsettled_;
  }

  void close(color_state& color) noexcept {
    if (unsettled_ != 0) settle();
    color.work.store((work_ + time_) << 1, std::memory_order_relaxed);
  }

  // Any thread.
  const live_metrics& site_row(std::size_t n) const noexcept { return site_rows_[n]; }
  const live_metrics& color_row(std::size_t n) const noexcept { return color_rows_[n]; }

 private:
  static constexpr std::uint64_t most_together = 4;
  static constexpr std::uint64_t short_callback = 1000;  // ns

  // Ticks are so few that this does not overflow: of less than an hour, or they are cut to that.
  std::uint64_t in_ns(std::uint64_t ticks) const noexcept {
    return (std::min(ticks, std::uint64_t{1} << 43) * ns_per_tick_) >> 20;
  }
  // Reads the clock, and puts down what passed since it was read last.
  void settle() noexcept {
    const std::uint64_t now = std::max(trace_clock::now(), time_);
    const std::uint64_t n = unsettled_, ns = in_ns(now - time_), each = n == 1 ? ns : ns / n;
    unsettled_ = 0;
    time_ = now;
    std::uint64_t longest = each;
    if (each <= short_callback) [[likely]] {
      add(each, ns, n);
      usual_ = each;
      together_ = most_together;
    } else {
      // One of them was long; the next ones may be, too.
      const std::uint64_t others = std::min(usual_, each) * (n - 1);
      longest = ns - others;
      add(longest, longest, 1);
      if (n != 1) add(others / (n - 1), others, n - 1);
      together_ = 1;
    }
    if (longest >= longest_) {
      longest_ = longest;
      longest_site_ = site_;
      longest_color_ = color_;
    }
    if (now - read_ > reader_.interval) [[unlikely]]
      read();
  }
  // So many callbacks of such a length, that took so long together.
  void add(std::uint64_t each, std::uint64_t all, std::uint64_t n) noexcept {
    const std::size_t bucket = live_histogram::bucket_of(each);
    site_->cpu.add(bucket, all, n);
    color_->cpu.add(bucket, all, n);
  }
  void waited(post_times::moment posted) noexcept;
  void read() noexcept;
  void go_on() noexcept;

  site_rows& sites_;
  color_rows& colors_;
  post_times& posts_;
  const std::uint64_t ns_per_tick_;  // times 2^20
  const std::unique_ptr<live_metrics[]> site_rows_;
  const std::unique_ptr<live_metrics[]> color_rows_;

  std::uint64_t time_ = 0;  // when the last settled callback ended, or the first one began
  // Callbacks that have ended since; of one site and one color.
  std::uint64_t unsettled_ = 0;
  std::uint64_t together_ = 1;  // so many are settled at once
  std::uint64_t usual_ = 0;     // the length of the last short callback, in ns
  std::uint64_t work_ = 0;      // color_state::work, of the color that runs
  bool paused_ = true;
  std::uint64_t color_name_ = ~std::uint64_t{0};
  live_metrics* color_ = nullptr;
  live_metrics* site_ = nullptr;
  struct known_site {
    std::uint64_t key = 0;
    live_metrics* row = nullptr;
  };
  std::array<known_site, 64> known_sites_{};  // by a part of the key's hash

  // Since the last reading.
  std::uint64_t read_ = 0;     // when that was
  std::uint64_t longest_ = 0;  // the longest callback, in ns
  live_metrics* longest_site_ = nullptr;
  live_metrics* longest_color_ = nullptr;

  cpu_reader reader_;
  cpu_reading last_reading_{};
  sampler sampler_;
};

}  // namespace async::detail
