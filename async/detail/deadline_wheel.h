// A timing wheel for time limits: many, coarse, moved with every request and seldom reached (stage
// 1).
//
// An entry is in one of 256 slots of 64 ms, and costs two pointers. It comes up when its slot's
// time has passed, never before its deadline, unless that is more than a turn of the wheel (16 s)
// away; so whoever put it there looks whether the deadline is still what it was, and puts it back
// if not. Moving a deadline away so costs nothing until the old one comes up.
//
// Thread-safety: none; the owner locks. Time is only a number here: tests bring their own.
// Invariant: no entry is in a slot whose time has passed, and that advance() has seen.
#pragma once

#include <algorithm>
#include <array>
#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <cstdint>

namespace async::detail {

// What can be in a wheel, as a base. It is in none when it is destroyed.
class deadline_entry : public boost::intrusive::list_base_hook<
                           boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {};

// Milliseconds.
using wheel_time = std::uint64_t;

class deadline_wheel {
 public:
  static constexpr wheel_time slot_length = 64;
  static constexpr std::size_t slots = 256;

  bool empty() const noexcept { return size_ == 0; }

  // `entry` is in no wheel. `now` is not before that of any call before.
  void add(deadline_entry& entry, wheel_time at, wheel_time now) noexcept {
    if (empty()) passed_ = now / slot_length;
    const wheel_time slot = (at + slot_length - 1) / slot_length;
    slots_[std::clamp(slot, passed_ + 1, passed_ + slots) % slots].push_back(entry);
    ++size_;
  }

  static bool has(const deadline_entry& entry) noexcept { return entry.is_linked(); }

  void remove(deadline_entry& entry) noexcept {
    entry.unlink();
    --size_;
  }

  // Takes out those whose time has come, and calls f(entry) for each.
  template <class F>
  void advance(wheel_time now, F f) {
    const wheel_time end = now / slot_length;
    for (std::size_t n = 0; n < slots && passed_ < end && size_ != 0; ++n) {
      slots_[++passed_ % slots].clear_and_dispose([&](deadline_entry* entry) {
        --size_;
        f(*entry);
      });
    }
    passed_ = std::max(passed_, end);
  }

  // When the next slot with entries comes up; the wheel is not empty.
  wheel_time next() const noexcept {
    wheel_time slot = passed_ + 1;
    while (slots_[slot % slots].empty()) ++slot;
    return slot * slot_length;
  }

 private:
  using list = boost::intrusive::list<deadline_entry, boost::intrusive::constant_time_size<false>>;

  std::array<list, slots> slots_;
  std::size_t size_ = 0;
  wheel_time passed_ = 0;  // the last slot that advance() has emptied
};

}  // namespace async::detail
