// The count itself: refcount, the base class of everything counted, and refcounted<T>, which adds
// a count to a class that has none. Users include wrap/refcnt.h, which explains both.
//
// Stage: none (layer 0).
// Thread safety: retain and release may be called by any thread that holds a handle.
// Invariants: count_ is the number of handles; the thread that takes it to 0 calls finalize().
#pragma once

#include <atomic>
#include <cassert>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "wrap/detail/atom.h"
#include "wrap/detail/color_check.h"

namespace async {

namespace detail {
struct handle_access;
}

// Base of every class that is counted itself. Its objects are made with `new` (make_ref, or mkref
// in the constructor's wake) and die by finalize(); copying an object does not copy its count.
class refcount {
 public:
  // One more handle. For handles and containers of raw pointers; others use mkref.
  void retain() const noexcept {
    // Relaxed: who makes a handle already has one, so the object is alive and visible to it, and
    // nothing is published by the count going up.
    [[maybe_unused]] std::uint32_t before = count_.fetch_add(1, std::memory_order_relaxed);
    assert(before != UINT32_MAX && "too many handles");
  }

  // The first handles of an object to which there can be no others yet.
  void retain_first(std::uint32_t handles = 1) const noexcept {
    // Relaxed: nobody else knows the object.
    count_.store(handles, std::memory_order_relaxed);
  }

  // The first handle of an object that no other thread has seen, unless its constructor kept one to
  // itself. No read-modify-write.
  void retain_new() const noexcept {
    // Relaxed: at 0 there is no handle through which the count could change meanwhile.
    if (count_.load(std::memory_order_relaxed) == 0) {
      retain_first();
    } else {
      retain();
    }
  }

  // One handle less; the last one finalizes the object.
  void release() const noexcept {
    // Acquire: if we are the only holder, this sees what every former holder did before its own
    // release below. Nobody can raise a count of 1 but its one holder, which is us.
    if (count_.load(acquire) == 1) {
      // Relaxed: no other thread may look at the object any more.
      count_.store(0, std::memory_order_relaxed);
      end();
      return;
    }
    std::uint32_t before = count_down();
    assert(before != 0 && "a handle too many was dropped");
    if (before == 1) end();
  }

  // The number of handles at some moment in the past; exact when no other thread has any.
  std::uint32_t use_count() const noexcept { return count_.load(std::memory_order_relaxed); }

 protected:
  refcount() noexcept = default;
  refcount(const refcount&) noexcept {}
  refcount& operator=(const refcount&) noexcept { return *this; }

  virtual ~refcount() { assert(use_count() == 0 && "deleted while there are handles to it"); }

  // Called once each time the last handle goes, by the thread that dropped it, with a count of 0.
  // Must not throw. An override owns the object: it deletes it, or keeps it for another use.
  virtual void finalize() { delete this; }

 private:
  // Where colors are checked, the drop of a handle comes before the end of the object, and before
  // nothing else: that one color's drop happened to come after another's does not order the two.
  static constexpr auto acquire =
      detail::colors_checked ? std::memory_order_relaxed : std::memory_order_acquire;

  std::uint32_t count_down() const noexcept {
    detail::happens_before(&count_);
    const detail::unobserved counting;  // it comes after that, but is no access of the holder's
    // Release, so that the last holder sees what we did; acquire, in case we turn out to be it.
    return count_.fetch_sub(1, std::memory_order_acq_rel);
  }

  void end() const noexcept {
    detail::happens_after(&count_);
    const_cast<refcount*>(this)->finalize();
  }

  mutable detail::atom<std::uint32_t> count_{0};
};

template <class T>
class refcounted;

namespace detail {

// T derives from refcount, so that the count is found from a T*. (T must be complete.)
template <class T>
concept counted = std::is_convertible_v<const volatile T*, const volatile refcount*>;

// What cannot be a base class (int, a final class) is boxed.
template <class T>
struct box {
  template <class... A>
  explicit box(A&&... arguments) : value(std::forward<A>(arguments)...) {}
  T value;
};

template <class T>
using payload = std::conditional_t<std::is_class_v<T> && !std::is_final_v<T>, T, box<T>>;

template <class T>
class with_count : public refcount, public payload<T> {
  static_assert(
      !requires(T & object) { object.finalize(); },
      "refcounted<T>: finalize() would never be called; derive T from async::refcount");

 public:
  template <class... A>
  explicit with_count(A&&... arguments) : payload<T>(std::forward<A>(arguments)...) {}
};

template <class T>
struct counted_base {
  using type = with_count<T>;
};
template <counted T>
struct counted_base<T> {
  using type = T;
};

}  // namespace detail

// A T with a count. Derives from T, unless T cannot be a base class. If T is counted already, it
// adds nothing.
template <class T>
class refcounted final : public detail::counted_base<T>::type {
  static_assert(std::same_as<T, std::remove_cvref_t<T>>, "refcounted<T>: T must be a plain type");

 public:
  template <class... A>
    requires std::constructible_from<T, A...>
  explicit refcounted(A&&... arguments)
      : detail::counted_base<T>::type(std::forward<A>(arguments)...) {}
  refcounted(const refcounted&) = delete;
  refcounted& operator=(const refcounted&) = delete;
};

namespace detail {

// The T in a refcounted<T>, and the way back. A box is a struct whose first member is the T, so
// they have one address.
template <class T>
T* payload_of(refcounted<T>* object) noexcept {
  if constexpr (std::is_convertible_v<refcounted<T>*, T*>) {
    return object;
  } else {
    return object == nullptr ? nullptr : &object->value;
  }
}

template <class T>
auto* counted_object(T* object) noexcept {
  using plain = std::remove_cv_t<T>;
  auto* mutable_object = const_cast<plain*>(object);
  if constexpr (counted<plain>) {
    return mutable_object;
  } else if constexpr (std::is_convertible_v<refcounted<plain>*, plain*>) {
    return static_cast<refcounted<plain>*>(mutable_object);
  } else {
    return static_cast<refcounted<plain>*>(reinterpret_cast<box<plain>*>(mutable_object));
  }
}

template <class T>
const refcount* count_of(T* object) noexcept {
  static_assert(sizeof(T) != 0, "a handle's class must be complete where the handle is used");
  return counted_object(object);
}

}  // namespace detail
}  // namespace async
