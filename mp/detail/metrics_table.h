// The tables of metrics, and which row belongs to what.
//
// Serves stages 4 and 5, while they are measured.
//
// Rows are numbered alike on all CPUs, so that each row of one CPU belongs to the same site or
// color as that of another: row 0 is for all that have no row of their own.
//
// Thread-safety: row_numbers by any thread. A CPU's rows are written by its worker and read by any
// thread; each number is right for itself.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "mp/metrics.h"

namespace async::detail {

// Gives numbers from 1 on to keys, in the order in which they come, until there are none left.
template <class Thing>
class row_numbers {
 public:
  explicit row_numbers(std::size_t most)
      : most_(most < 1 ? 1 : most),
        shift_(64 - static_cast<unsigned>(std::bit_width(4 * most_ - 1))),
        places_(std::make_unique<place[]>(std::size_t{1} << (64 - shift_))) {
    things_.reserve(most_);
  }

  std::size_t rows() const noexcept { return most_ + 1; }

  // The row of `key`, which is not 0; 0 if it has none. `thing` is what it stands for.
  std::size_t row_of(std::uint64_t key, const Thing& thing) noexcept {
    for (std::size_t i = first(key);; i = next(i)) {
      // acquire: the row.
      const std::uint64_t there = places_[i].key.load(std::memory_order_acquire);
      if (there == key) [[likely]]
        return places_[i].row;
      if (there == 0) return add(key, thing);
    }
  }

  // Those that have a row, from that of row 1 on.
  std::vector<Thing> things() const {
    const std::lock_guard lock(mutex_);
    return things_;
  }

 private:
  struct place {
    std::atomic<std::uint64_t> key{0};
    std::size_t row = 0;  // written before key, under mutex_
  };

  // Fibonacci hashing. At most a quarter of the places are taken.
  std::size_t first(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>(key * 0x9e3779b97f4a7c15u >> shift_);
  }
  std::size_t next(std::size_t i) const noexcept {
    return (i + 1) & ((std::size_t{1} << (64 - shift_)) - 1);
  }

  std::size_t add(std::uint64_t key, const Thing& thing) noexcept {
    if (full_.load(std::memory_order_relaxed)) return 0;
    const std::lock_guard lock(mutex_);
    for (std::size_t i = first(key);; i = next(i)) {
      place& here = places_[i];
      const std::uint64_t there = here.key.load(std::memory_order_relaxed);
      if (there == key) return here.row;
      if (there != 0) continue;
      if (things_.size() == most_) return 0;
      things_.push_back(thing);
      here.row = things_.size();
      here.key.store(key, std::memory_order_release);
      full_.store(things_.size() == most_, std::memory_order_relaxed);
      return here.row;
    }
  }

  const std::size_t most_;
  const unsigned shift_;
  const std::unique_ptr<place[]> places_;
  std::atomic<bool> full_{false};
  mutable std::mutex mutex_;
  std::vector<Thing> things_;  // guarded by mutex_; has room for all
};

// A duration_histogram that one thread fills.
class live_histogram {
 public:
  static std::size_t bucket_of(std::uint64_t ns) noexcept {
    const auto width = static_cast<std::size_t>(std::bit_width(ns - (ns != 0)));
    const std::size_t n = width <= 8 ? 0 : (width - 7) / 2;
    return n < duration_histogram::buckets ? n : duration_histogram::buckets - 1;
  }

  // So many of a size, that are `ns` together.
  void add(std::size_t bucket, std::uint64_t ns, std::uint64_t n) noexcept {
    change(counts_[bucket], n);
    change(sum_, ns);
  }
  void add(std::uint64_t ns) noexcept { add(bucket_of(ns), ns, 1); }
  // One that was added is less.
  void lessen(std::uint64_t ns, std::uint64_t by) noexcept {
    change(counts_[bucket_of(ns)], ~std::uint64_t{0});
    change(counts_[bucket_of(ns - by)], 1);
    change(sum_, 0 - by);
  }

  void add_to(duration_histogram& sum) const noexcept {
    for (std::size_t i = 0; i != duration_histogram::buckets; ++i) {
      sum.counts[i] += counts_[i].load(std::memory_order_relaxed);
    }
    sum.sum += std::chrono::nanoseconds(sum_.load(std::memory_order_relaxed));
  }

 private:
  using number = std::atomic<std::uint64_t>;
  // relaxed: there is one writer, and the numbers are independent of each other.
  static void change(number& n, std::uint64_t by) noexcept {
    n.store(n.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  number sum_{0};
  std::array<number, duration_histogram::buckets> counts_{};
};

struct live_metrics {
  live_histogram cpu, blocked, waited_for_color, waited_for_cpu;

  void add_to(callback_metrics& sum) const noexcept {
    cpu.add_to(sum.cpu);
    blocked.add_to(sum.blocked);
    waited_for_color.add_to(sum.waited_for_color);
    waited_for_cpu.add_to(sum.waited_for_cpu);
  }
};

}  // namespace async::detail
