// When tasks were posted, for some of them: found again by the task's address, so that no task is
// larger for it.
//
// Serves stages 3 and 4, while they are measured.
//
// A task whose place is taken by another one is not noted: whether it is does not depend on how
// long it will wait. In steps: the poster claims the place, writes the rest, and then the address
// (release), all before it posts; who runs the task comes after the post, so that it sees the
// address, and takes it out.
//
// Thread-safety: note() by any thread that has not posted the task yet, take() by the one that is
// going to run it; clear() while none of the tasks noted can run any more.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "mp/detail/task.h"

namespace async::detail {

class post_times {
 public:
  struct moment {
    std::uint64_t time;  // of the post, in ticks
    std::uint64_t work;  // color_state::work then
  };

  void note(const task* t, moment posted) noexcept {
    const std::size_t i = place_of(t);
    std::uintptr_t free = 0;
    // acquire: the reads by the one who took it out come first.
    if (!tasks_[i].compare_exchange_strong(free, claimed, std::memory_order_acquire,
                                           std::memory_order_relaxed)) {
      return;
    }
    times_[i].store(posted.time, std::memory_order_relaxed);
    works_[i].store(posted.work, std::memory_order_relaxed);
    tasks_[i].store(address(t), std::memory_order_release);
  }

  // Whether it was noted.
  bool take(const task* t, moment& posted) noexcept {
    const std::size_t i = place_of(t);
    // relaxed: if it is there, the post has ordered it.
    if (tasks_[i].load(std::memory_order_relaxed) != address(t)) [[likely]]
      return false;
    posted = {times_[i].load(std::memory_order_relaxed), works_[i].load(std::memory_order_relaxed)};
    tasks_[i].store(0, std::memory_order_release);
    return true;
  }

  void clear() noexcept {
    for (auto& t : tasks_) t.store(0, std::memory_order_release);
  }

 private:
  static constexpr std::size_t places = 512;
  static constexpr std::uintptr_t claimed = 1;

  static std::uintptr_t address(const task* t) noexcept {
    return reinterpret_cast<std::uintptr_t>(t);
  }
  static std::size_t place_of(const task* t) noexcept {
    return static_cast<std::size_t>(std::uint64_t{address(t)} * 0x9e3779b97f4a7c15u >> 55);
  }
  static_assert(places == std::size_t{1} << (64 - 55));

  std::array<std::atomic<std::uintptr_t>, places> tasks_{};
  std::array<std::atomic<std::uint64_t>, places> times_{};
  std::array<std::atomic<std::uint64_t>, places> works_{};
};

}  // namespace async::detail
