// What the server counts, and how it says it: Prometheus's text format. Serves no stage.
//
//     sfs_clients, sfs_connections_total, sfs_drops_total, sfs_logins_total{result},
//     sfs_operations_total{program,procedure}, sfs_bytes_total{direction},
//     sfs_batch_seconds (a histogram), sfs_cpu_seconds_total{color}, sfs_uptime_seconds
//
// Every thread counts for itself, in memory of its own, so that counting costs no thread anything
// of what another one does; who asks adds up.
//
// Thread safety: any thread.
// Invariant: what is counted only grows, except gauges.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace sfs {

// The kinds of work, as coloring.h has them, and waiting for disks.
enum class work_kind : std::uint8_t { crypto, io, files, tables, disk };
inline constexpr std::size_t work_kinds = 5;

namespace metrics {

inline constexpr std::size_t nfs_procedures = 22;
inline constexpr std::size_t other_programs = 2;  // MOUNT and SFS, whatever their procedures

// One thread's counts. Only that thread writes; others read.
struct counts {
  using counter = std::atomic<std::uint64_t>;
  static constexpr std::size_t buckets = 16;  // up to 2^n * 16 us; the last has no bound

  std::array<counter, nfs_procedures + other_programs> operations{};
  counter bytes_in{}, bytes_out{};  // on the wire
  std::array<counter, buckets> latency{};
  counter latency_ns{};
  std::array<counter, work_kinds> cpu_ns{};
  counter connections{}, drops{}, logins{}, refused_logins{}, turned_away{};
};

// This thread's.
counts& mine() noexcept;

// Nobody else writes it, so this needs no read-modify-write.
inline void add(counts::counter& c, std::uint64_t n) noexcept {
  c.store(c.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

void count_operation(std::uint32_t program, std::uint32_t procedure) noexcept;

// A batch of calls took so long, from being opened to being ready to be sent.
void count_latency(std::chrono::nanoseconds time) noexcept;

// All of it as text. `clients` is how many there are now.
std::string text(std::size_t clients);

}  // namespace metrics

// What CPU time the steps of a round take, by the kind of work they are. Asking the kernel for it
// costs more than a step should, so one round in `one_in` is measured, for all. One thread (or
// color) at a time.
class round_meter {
 public:
  static constexpr unsigned one_in = 32;

  void begin_round() noexcept;
  // A step of this kind begins on this thread, or ends.
  void begin(work_kind kind) noexcept {
    if (measuring_) start(kind);
  }
  void end() noexcept {
    if (measuring_) stop();
  }

 private:
  void start(work_kind kind) noexcept;
  void stop() noexcept;

  unsigned rounds_ = 0;
  bool measuring_ = false;
  work_kind kind_ = work_kind::crypto;
  std::uint64_t since_ = 0;  // of the thread's CPU clock
};

}  // namespace sfs
