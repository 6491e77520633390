// A worker's segment of the queue (stage 4): a bounded FIFO of runnable colors that its owner fills
// and from which everyone takes.
//
// `tail` is written by the owner only; `head` moves by compare-exchange, so that each entry is
// taken once. Both only grow (64 bits do not wrap), so a stale head never compares equal.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace async::detail {

template <class Sync, class T, std::size_t Capacity>
class ring {
  static_assert((Capacity & (Capacity - 1)) == 0, "a power of two, so that % is a mask");

 public:
  // The owner: adds at the tail. False if it is full.
  [[nodiscard]] bool push(T* item) noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);  // ours
    // acquire: the takers' reads of the entry that is about to be overwritten come before this.
    if (tail - head_.load(std::memory_order_acquire) >= Capacity) return false;
    entries_[tail % Capacity].store(item, std::memory_order_relaxed);
    // release: publishes the entry, and all that was done to the color before.
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  // The owner: takes the oldest, or null.
  [[nodiscard]] T* pop() noexcept {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);  // ours
    while (head != tail) {
      T* const item = entries_[head % Capacity].load(std::memory_order_relaxed);
      // release: the read of the entry comes before a push() that reuses it. relaxed on failure: it
      // only reads how far others have come; the entries are our own.
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_release,
                                      std::memory_order_relaxed)) {
        return item;
      }
    }
    return nullptr;
  }

  // Any thread: takes the older half, rounded up, at most `most`, into `items`, oldest first.
  // Returns how many.
  [[nodiscard]] std::size_t take(T** items, std::size_t most) noexcept {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    for (;;) {
      // acquire: the entries below tail, and what was done to their colors.
      const std::uint64_t tail = tail_.load(std::memory_order_acquire);
      if (tail <= head) return 0;
      std::size_t count = static_cast<std::size_t>(tail - head + 1) / 2;
      if (count > most) count = most;
      // A stale head may make this read entries that are being overwritten: then the exchange
      // fails.
      for (std::size_t i = 0; i < count; ++i) {
        items[i] = entries_[(head + i) % Capacity].load(std::memory_order_relaxed);
      }
      // release, as in pop(). acquire on failure, so that tail is at least as new as the new head.
      if (head_.compare_exchange_weak(head, head + count, std::memory_order_release,
                                      std::memory_order_acquire)) {
        return count;
      }
    }
  }

  // How many have ever been taken: the rate at which this grows tells how fast the segment moves.
  std::uint64_t taken() const noexcept { return head_.load(std::memory_order_relaxed); }

  // How many there are; to others than the owner, an estimate. Ordered by the caller's fences.
  std::size_t size() const noexcept {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    return tail > head ? static_cast<std::size_t>(tail - head) : 0;
  }

  // The owner: how many more fit, at least.
  std::size_t room() const noexcept { return Capacity - size(); }

 private:
  // Takers write head and the owner writes tail: a line each.
  alignas(64) typename Sync::template atomic<std::uint64_t> head_{0};
  alignas(64) typename Sync::template atomic<std::uint64_t> tail_{0};
  alignas(64) std::array<typename Sync::template atomic<T*>, Capacity> entries_{};
};

}  // namespace async::detail
