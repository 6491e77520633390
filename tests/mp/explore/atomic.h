// explore::atomic<T>: std::atomic's interface, each operation a step of the deterministic
// scheduler.
//
// Serves no stage: what the templates of mp/detail are given in place of std::atomic. Memory orders
// mean what they mean in the standard (memory.h): a relaxed load may return an old value.
// explore::plain<T> is an ordinary variable whose unordered uses are reported, and explore::fence
// is std::atomic_thread_fence. Outside of an exploration all of them are just variables.
//
// Thread safety: none; the "threads" are fibers of one OS thread.
// Invariant: `value_` is the newest value in modification order.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "tests/mp/explore/engine.h"

namespace async::explore {

inline const char* name_of(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_consume:
      return "consume";
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    default:
      return "seq_cst";
  }
}

// The order of a failed exchange when only one is given, as std::atomic derives it.
constexpr std::memory_order failure_order(std::memory_order order) {
  if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
  if (order == std::memory_order_release) return std::memory_order_relaxed;
  return order;
}

// What atomic<T> and plain<T> share: their place in the memory model.
template <class T>
class variable {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t));

 public:
  variable(const variable&) = delete;
  variable& operator=(const variable&) = delete;

 protected:
  explicit variable(T value) noexcept : value_(value) {
    engine* e = engine::now();
    if (e == nullptr) return;
    place_ = e->memory().add(e->me(), bits(value));
    if (place_ == no_place) e->fail("the case makes more variables than memory.h has places for");
  }

  ~variable() {
    engine* e = engine::now();
    if (e == nullptr || place_ == no_place) return;
    if (!e->memory().remove(e->me(), place_) && !e->failed())
      e->fail("variable " + name() + " is destroyed while another thread may be using it");
  }

  // The engine if the caller is a thread of a case, after a scheduling point where it is wanted.
  engine* stepped(bool is_step) const {
    engine* e = engine::inside();
    if (e == nullptr || place_ == no_place) return nullptr;
    if (is_step) e->step();
    if (!e->memory().usable(e->me(), place_))
      e->fail("variable " + name() + " is used before it is known to exist, or after its end");
    return e;
  }

  void set(engine* e, std::memory_order order, T value, std::uint32_t replaced) {
    if (bits(value) != bits(value_)) e->changed();
    value_ = value;
    e->memory().write(e->me(), place_, order, bits(value), replaced);
  }

  std::string name() const { return "v" + std::to_string(place_); }

  static std::uint64_t bits(T value) noexcept {
    std::uint64_t wide = 0;
    std::memcpy(&wide, &value, sizeof value);
    return wide;
  }
  static T value_of(std::uint64_t wide) noexcept {
    T value;
    std::memcpy(&value, &wide, sizeof value);
    return value;
  }
  static std::string text(T value) {
    std::ostringstream out;
    out << std::hex << "0x" << bits(value);
    return out.str();
  }

  T value_;
  place_id place_ = no_place;
};

template <class T>
class atomic : public variable<T> {
  using base = variable<T>;

 public:
  using value_type = T;
  static constexpr bool is_always_lock_free = true;

  atomic() noexcept : base(T{}) {}
  atomic(T value) noexcept : base(value) {}  // NOLINT: converts, as std::atomic does

  T load(std::memory_order order = std::memory_order_seq_cst) const noexcept {
    engine* e = this->stepped(true);
    if (e == nullptr) return this->value_;
    std::array<std::uint32_t, 4> found;
    const unsigned n = e->memory().readable(e->me(), this->place_, order, 3, found);
    const unsigned taken = e->result(n);
    const T value = base::value_of(e->memory().read(e->me(), this->place_, order, found[taken]));
    e->note([&] { return say("load", order) + " = " + base::text(value) + old(taken); });
    return value;
  }

  void store(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    engine* e = this->stepped(true);
    if (e == nullptr) return outside(value);
    this->set(e, order, value, memory::no_value);
    e->note([&] { return say("store", order) + " := " + base::text(value); });
  }

  T exchange(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return modify("exchange", order, [value](T) { return value; });
  }

  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) noexcept {
    return exchange_if(expected, desired, success, failure, false);
  }
  bool compare_exchange_strong(T& expected, T desired,
                               std::memory_order order = std::memory_order_seq_cst) noexcept {
    return exchange_if(expected, desired, order, failure_order(order), false);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure) noexcept {
    return exchange_if(expected, desired, success, failure, true);
  }
  bool compare_exchange_weak(T& expected, T desired,
                             std::memory_order order = std::memory_order_seq_cst) noexcept {
    return exchange_if(expected, desired, order, failure_order(order), true);
  }

  T fetch_add(T by, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return modify("fetch_add", order, [by](T old) { return static_cast<T>(old + by); });
  }
  T fetch_sub(T by, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return modify("fetch_sub", order, [by](T old) { return static_cast<T>(old - by); });
  }
  T fetch_or(T by, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return modify("fetch_or", order, [by](T old) { return static_cast<T>(old | by); });
  }
  T fetch_and(T by, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return modify("fetch_and", order, [by](T old) { return static_cast<T>(old & by); });
  }
  T fetch_xor(T by, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return modify("fetch_xor", order, [by](T old) { return static_cast<T>(old ^ by); });
  }

  operator T() const noexcept { return load(); }
  T operator=(T value) noexcept {
    store(value);
    return value;
  }

  // Blocks while the value is `old`; as with a futex, only a notify wakes.
  void wait(T old, std::memory_order order = std::memory_order_seq_cst) const noexcept {
    for (;;) {
      if (base::bits(load(order)) != base::bits(old)) return;
      engine* e = engine::inside();
      if (e == nullptr) return;
      e->step();
      if (base::bits(this->value_) == base::bits(old)) e->block(this, "atomic::wait");
    }
  }
  void notify_one() noexcept { notify_all(); }
  void notify_all() noexcept {
    if (engine* e = this->stepped(true)) e->unblock(this);
  }

 private:
  void outside(T value) noexcept {
    this->value_ = value;
    if (engine* e = engine::now(); e != nullptr && this->place_ != no_place)
      e->memory().write(e->me(), this->place_, std::memory_order_relaxed, base::bits(value),
                        memory::no_value);
  }

  template <class F>
  T modify(const char* what, std::memory_order order, F change) noexcept {
    engine* e = this->stepped(true);
    const T before = this->value_;
    const T after = change(before);
    if (e == nullptr) {
      outside(after);
      return before;
    }
    const std::uint32_t newest = e->memory().newest(this->place_);
    e->memory().read(e->me(), this->place_, read_part(order), newest);
    this->set(e, order, after, newest);
    e->note(
        [&] { return say(what, order) + ": " + base::text(before) + " -> " + base::text(after); });
    return before;
  }

  bool exchange_if(T& expected, T desired, std::memory_order success, std::memory_order failure,
                   bool weak) noexcept {
    engine* e = this->stepped(true);
    if (e == nullptr) {
      if (base::bits(this->value_) != base::bits(expected)) {
        expected = this->value_;
        return false;
      }
      outside(desired);
      return true;
    }
    auto& m = e->memory();
    // Ways to go on: with the newest value; failing on an old one; a weak exchange also for no
    // reason, which needs a way of its own only if it could succeed.
    const bool equal = base::bits(this->value_) == base::bits(expected);
    std::array<std::uint32_t, 4> found;
    const unsigned seen = m.readable(e->me(), this->place_, failure, 3, found);
    unsigned ways = 1;
    for (unsigned i = 1; i != seen; ++i)
      if (m.bits(found[i]) != base::bits(expected)) found[ways++] = found[i];
    if (weak && equal) found[ways++] = found[0];
    const unsigned taken = e->result(ways);
    if (taken == 0 && equal) {
      m.read(e->me(), this->place_, read_part(success), found[0]);
      this->set(e, success, desired, found[0]);
      e->note([&] {
        return say("exchange_if", success) + ": " + base::text(expected) + " -> " +
               base::text(desired);
      });
      return true;
    }
    const T wanted = expected;
    expected = base::value_of(m.read(e->me(), this->place_, failure, found[taken]));
    e->note([&] {
      return say("exchange_if", failure) + " fails: " + base::text(expected) + ", not " +
             base::text(wanted) + old(taken);
    });
    return false;
  }

  // The load of a read-modify-write; its seq_cst part is done with the store.
  static std::memory_order read_part(std::memory_order order) {
    return acquires(order) ? std::memory_order_acquire : std::memory_order_relaxed;
  }

  std::string say(const char* what, std::memory_order order) const {
    return std::string(what) + " " + this->name() + " " + name_of(order);
  }
  static const char* old(unsigned taken) { return taken == 0 ? "" : "  (not the newest)"; }
};

// An ordinary variable. Not a step: a correct program cannot tell when another thread sees it.
template <class T>
class plain : public variable<T> {
  using base = variable<T>;

 public:
  plain() noexcept : base(T{}) {}
  plain(T value) noexcept : base(value) {}  // NOLINT: converts, as a variable does
  operator T() const noexcept { return get(); }
  T operator=(T value) noexcept {
    set(value);
    return value;
  }

  T get() const noexcept {
    if (engine* e = this->stepped(false); e && !e->memory().plain_read(e->me(), this->place_))
      e->fail("data race: " + this->name() + " is read without being ordered after its last write");
    return this->value_;
  }
  void set(T value) noexcept {
    if (engine* e = this->stepped(false); e && !e->memory().plain_write(e->me(), this->place_))
      e->fail("data race: " + this->name() +
              " is written without being ordered after its last use");
    this->value_ = value;
  }
};

inline void fence(std::memory_order order) noexcept {
  engine* e = engine::inside();
  if (e == nullptr) return;
  e->step();
  e->memory().fence(e->me(), order);
  e->note([&] { return std::string("fence ") + name_of(order); });
}

}  // namespace async::explore
