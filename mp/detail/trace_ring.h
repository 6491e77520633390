// What a trace keeps in memory: for each CPU a ring of records, of which the oldest are overwritten
// (docs/trace.md tells what each record holds).
//
// Serves stages 3 to 5, while they are traced.
//
// Thread-safety: push() and amend_last() by one thread at a time, copy() by any thread at any time.
// A record that is overwritten while copy() reads it is left out there. In steps: the writer
// (W1) stores the words of record n, over those of record n - capacity, (W2) stores the count
// n + 1; the reader (R1) loads words, (R2) loads the count. If R1 has seen a word of record n,
// then, W1 being a release and R1 an acquire, R2 sees a count of at least n, and the reader takes
// record n - capacity for overwritten.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "wrap/where.h"

namespace async::detail {

enum class trace_kind : std::uint8_t {
  post,     // a callback is about to be posted
  begin,    // a callback begins
  end,      // and ends
  reading,  // of the thread's CPU time
  park,     // the worker is about to sleep
  wake,     // and is awake again
  poll,     // the worker looks at readiness without waiting
  polled,   // and is done
};

// Flags of a record.
inline constexpr std::uint8_t trace_made_runnable = 1;  // post: the color was idle
inline constexpr std::uint8_t trace_new_turn = 2;       // begin: the first callback of a turn
inline constexpr std::uint8_t trace_is_step = 8;        // begin: of a callback that has just ended
inline constexpr std::uint8_t trace_no_callback = 4;    // end: of a color's reaper
inline constexpr std::uint8_t trace_baseline = 8;   // reading: nothing is to be read from the last
inline constexpr std::uint8_t trace_voluntary = 1;  // end, in a picture: blocked, not preempted

struct trace_record {
  std::uint64_t time;  // in ticks since the session began; 56 bits of it are kept
  trace_kind kind;
  std::uint8_t flags = 0;  // 4 bits

  std::uint64_t subject =
      0;                    // post, begin: the task's address; reading: the thread's CPU time in ns
  std::uint64_t color = 0;  // post, begin: which; reading: CLOCK_MONOTONIC in ns
  std::uint64_t value = 0;  // begin: the bound object's address; reading: voluntary switches
  where site{};
};

// Whether such a record is but a time and flags.
constexpr bool trace_is_bare(trace_kind kind) noexcept {
  return kind != trace_kind::post && kind != trace_kind::begin && kind != trace_kind::reading;
}

class trace_ring {
 public:
  // Of so many records, at least 1. Throws std::bad_alloc. Its memory is there when it is made: the
  // writer meets no page fault.
  explicit trace_ring(std::size_t records);
  ~trace_ring();
  trace_ring(const trace_ring&) = delete;
  trace_ring& operator=(const trace_ring&) = delete;

  void push(const trace_record& r) noexcept {
    std::atomic<std::uint64_t>* const words = next_;
    words[1].store(r.subject, std::memory_order_release);
    words[2].store(r.color, std::memory_order_release);
    words[3].store(r.value, std::memory_order_release);
    const auto site = std::bit_cast<std::array<std::uint64_t, site_words>>(r.site);
    for (std::size_t i = 0; i != site_words; ++i) {
      words[4 + i].store(site[i], std::memory_order_release);
    }
    push_bare(r.time, r.kind, r.flags);
  }

  // The same for a kind that has nothing else (trace_is_bare).
  void push_bare(std::uint64_t time, trace_kind kind, std::uint8_t flags = 0) noexcept {
    std::atomic<std::uint64_t>* const words = next_;
    words[0].store(time << 8 | std::uint64_t{flags} << 4 | static_cast<std::uint64_t>(kind),
                   std::memory_order_release);
    // What is overwritten soon is in no cache. A post has an atomic operation, which waits for all
    // stores before it: so the memory has to come in time. (Past the end nothing is fetched.)
    __builtin_prefetch(words + soon * record_words, 1);
    next_ = words + record_words == end_ ? words_ : words + record_words;
    // relaxed: our own.
    written_.store(written_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // Sets flags of the record pushed last.
  void amend_last(std::uint8_t flags) noexcept {
    std::atomic<std::uint64_t>* const words = (next_ == words_ ? end_ : next_) - record_words;
    // relaxed: our own.
    words[0].store(words[0].load(std::memory_order_relaxed) | std::uint64_t{flags} << 4,
                   std::memory_order_release);
  }

  // Appends what is there to `records`, oldest first. Returns how many older ones were dropped.
  std::uint64_t copy(std::vector<trace_record>& records) const;

  // How many records fit in so many bytes, at least 64.
  static std::size_t fitting(std::size_t bytes) noexcept;

 private:
  static constexpr std::size_t site_words = sizeof(where) / sizeof(std::uint64_t);
  static constexpr std::size_t record_words = 4 + site_words;
  static constexpr std::size_t soon = 16;  // records, of about five callbacks
  static_assert(sizeof(where) % sizeof(std::uint64_t) == 0);

  std::size_t bytes() const noexcept { return capacity_ * record_words * sizeof(std::uint64_t); }

  const std::size_t capacity_;
  std::atomic<std::uint64_t>* const words_;
  std::atomic<std::uint64_t>* const end_;
  std::atomic<std::uint64_t>* next_;  // the writer's
  std::atomic<std::uint64_t> written_{0};
};

}  // namespace async::detail
