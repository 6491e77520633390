// Metrics: for each call site and each color how often its callbacks have run, for how long they
// computed and were blocked, and how long they waited for their color and for a CPU.
//
//   ASYNC_METRICS=metrics.prom ./server   # written when amain() or the runtime is over
//
//   async::metrics_start();               // or from within the program
//   ...
//   reply(async::metrics_text());         // as often as you like: the text that Prometheus scrapes
//   async::metrics_stop();
//
// Waiting for the color says "make the color finer", waiting for a CPU says "more CPUs".
// docs/metrics.md tells what is measured, and how exactly.
//
// Memory: tables of a fixed size for each CPU. The first so many sites and colors have a row of
// their own; all others share one, called "other".
//
// Cost: none while they are off but for a look at a flag in each turn of up to 16 callbacks; some
// 20 ns for each callback while they are on. No lock is taken.
//
// In the environment, `%p` in ASYNC_METRICS is replaced by the process's number. The file is
// written whenever a runtime has finished, and at exit() if one is running then; and by
// table_on_signal() of watchdog.h, with the table. A forked child is not measured.
//
// Thread-safety: everything here may be called by any thread, callback or not.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "wrap/where.h"

namespace async {

struct metrics_options {
  std::size_t sites = 500;   // at least 1
  std::size_t colors = 100;  // at least 1
};

// Durations, counted by their size.
struct duration_histogram {
  static constexpr std::size_t buckets = 14;

  // The longest duration that bucket n counts, in ns: 256, 1024, 4096, ...; the last has no bound.
  static constexpr std::uint64_t bound(std::size_t n) noexcept {
    return std::uint64_t{256} << 2 * n;
  }

  std::array<std::uint64_t, buckets> counts{};
  std::chrono::nanoseconds sum{};

  std::uint64_t count() const noexcept {
    std::uint64_t all = 0;
    for (const std::uint64_t n : counts) all += n;
    return all;
  }
};

struct callback_metrics {
  duration_histogram cpu;      // of each callback: how long it had the CPU
  duration_histogram blocked;  // of those that slept, or were taken off the CPU: for how long
  // Of some callbacks, chosen at random when they are posted: what they waited.
  duration_histogram waited_for_color, waited_for_cpu;

  std::uint64_t runs() const noexcept { return cpu.count(); }
};

struct metrics_snapshot {
  struct of_site {
    where site;
    callback_metrics its;
  };
  struct of_color {
    std::string name;  // "default", "17", "fresh 3", "object 0x5581"
    callback_metrics its;
  };
  std::vector<of_site> sites;  // those that have run
  std::vector<of_color> colors;
  callback_metrics other_sites, other_colors;
};

// Callbacks of which one is chosen, on average, to have its waiting measured.
inline constexpr unsigned metrics_sampling = 32;

// Begins, and forgets what was measured before. Each CPU takes part from its next turn on. Blocks
// for some 2 ms the first time. Throws std::bad_alloc. CPUs allocate their tables when they take
// part; one that has no memory for it is not measured, and a message says so.
void metrics_start(metrics_options options = {});

// Ends; what was measured is kept. A CPU in the middle of a turn may still measure the rest of it.
void metrics_stop() noexcept;

// Whether callbacks are measured.
bool measuring() noexcept;

// What was measured so far. Of a callback that is running, nothing. Counts are exact when no
// callback runs; while one does, a sum may be ahead of its counts.
metrics_snapshot metrics_read();

// The same in the text format of Prometheus (version 0.0.4); empty if nothing was measured ever.
std::string metrics_text();

// Writes that text to a file. Throws std::system_error if it can't.
void metrics_write(const std::string& file);

}  // namespace async
