// atom: the atomic type that the library's own counts and links use.
//
// Stage: none (layer 0); the counts of wrap/ and stages 3 to 5 of mp/ are built on it.
// Thread safety: atom<T> is std::atomic<T>. With ASYNC_UNIPROCESSOR defined, which a program does
// for all its files and the library's or for none, it is plain_atom<T>: the same interface with no
// atomic instruction and no barrier, for a program in which one thread does everything.
// Invariants: both have the size and alignment of T for the types used here (checked below).
#pragma once

#if __cplusplus < 202002L
#error "libasync-mp is for C++20: -std=c++20"
#endif

#include <atomic>
#include <cstddef>
#include <type_traits>

namespace async::detail {

// A std::atomic for one thread. Memory orders are accepted and mean nothing.
template <class T>
class plain_atom {
 public:
  using value_type = T;
  static constexpr bool is_always_lock_free = true;

  constexpr plain_atom() noexcept : value_() {}
  constexpr plain_atom(T value) noexcept : value_(value) {}
  plain_atom(const plain_atom&) = delete;
  plain_atom& operator=(const plain_atom&) = delete;

  T operator=(T value) noexcept { return value_ = value; }
  operator T() const noexcept { return value_; }

  using order = std::memory_order;

  T load(order = order::seq_cst) const noexcept { return value_; }
  void store(T value, order = order::seq_cst) noexcept { value_ = value; }

  T exchange(T value, order = order::seq_cst) noexcept {
    T old = value_;
    value_ = value;
    return old;
  }

  bool compare_exchange_strong(T& expected, T desired, order, order) noexcept {
    return compare_exchange_strong(expected, desired);
  }
  bool compare_exchange_strong(T& expected, T desired, order = order::seq_cst) noexcept {
    if (value_ == expected) {
      value_ = desired;
      return true;
    }
    expected = value_;
    return false;
  }
  bool compare_exchange_weak(T& expected, T desired, order, order) noexcept {
    return compare_exchange_strong(expected, desired);
  }
  bool compare_exchange_weak(T& expected, T desired, order = order::seq_cst) noexcept {
    return compare_exchange_strong(expected, desired);
  }

  // T is an integer, or a pointer moved by a difference, as with std::atomic.
  using step = std::conditional_t<std::is_pointer_v<T>, std::ptrdiff_t, T>;

  T fetch_add(step by, order = order::seq_cst) noexcept {
    T old = value_;
    value_ = static_cast<T>(old + by);
    return old;
  }
  T fetch_sub(step by, order = order::seq_cst) noexcept {
    T old = value_;
    value_ = static_cast<T>(old - by);
    return old;
  }
  T fetch_or(T bits, order = order::seq_cst) noexcept {
    return exchange(static_cast<T>(value_ | bits));
  }
  T fetch_and(T bits, order = order::seq_cst) noexcept {
    return exchange(static_cast<T>(value_ & bits));
  }

 private:
  T value_;
};

#if defined(ASYNC_UNIPROCESSOR)
template <class T>
using atom = plain_atom<T>;
#else
template <class T>
using atom = std::atomic<T>;
#endif

static_assert(sizeof(plain_atom<unsigned>) == sizeof(std::atomic<unsigned>));
static_assert(sizeof(plain_atom<void*>) == sizeof(std::atomic<void*>));

}  // namespace async::detail
