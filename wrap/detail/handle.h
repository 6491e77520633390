// What ref and ptr have in common: one pointer and its share of the count. Users include
// wrap/refcnt.h, which explains both.
//
// Stage: none (layer 0).
// Thread safety: that of a raw pointer; the count behind it is atomic.
// Invariants: a non-null object_ is counted once for this handle. T may be incomplete where the
// handle's type is merely named, as in a class with a ptr to its own kind.
#pragma once

#include <cassert>
#include <compare>
#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "wrap/detail/count.h"
#include "wrap/detail/misuse.h"
#include "wrap/where.h"

namespace async {

template <class T>
class ref;
template <class T>
class ptr;

namespace detail {

// Marks a pointer that comes with a count of its own.
struct adopt_t {};
inline constexpr adopt_t adopt;

// A U* may become a T*: const may be added; and if the count can be found from a T*, any base.
template <class U, class T>
concept upcastable = std::same_as<U, T> || std::same_as<const U, T> ||
    (counted<T> && ((counted<U> && std::is_convertible_v<U*, T*>) ||
                    (!counted<U> && std::is_convertible_v<refcounted<std::remove_cv_t<U>>*, T*>)));

// The same class is never asked about, since it may still be incomplete.
template <class U, class T>
concept converts_to_handle = !std::same_as<U, T> && upcastable<U, T>;
template <class U, class T>
concept same_or_converts = std::same_as<U, T> || converts_to_handle<U, T>;

template <class T, class U>
T* upcast(U* object) noexcept {
  if constexpr (std::is_convertible_v<U*, T*>) {
    return object;
  } else {
    return object == nullptr ? nullptr : counted_object(object);
  }
}

template <class T>
T* require(T* object, where site) noexcept {
  if (object == nullptr) [[unlikely]] {
    misuse(site, "a null ptr was converted to a ref");
  }
  return object;
}

// The arguments fit the callable that a handle holds.
template <class T, class... A>
concept callable_with = requires(T& object, A&&... arguments) {
  object(std::forward<A>(arguments)...);
};

template <class T>
class handle {
 public:
  using element_type = T;

  T* get() const noexcept { return object_; }
  T& operator*() const noexcept {
    assert(object_ != nullptr);
    return *object_;
  }
  T* operator->() const noexcept {
    assert(object_ != nullptr);
    return object_;
  }

  // Calls the object, if it is a callback or another function object: cb(x) is (*cb)(x). As there,
  // the caller keeps a handle until the call is over.
  template <class... A>
    requires callable_with<T, A...>
  decltype(auto) operator()(A&&... arguments) const {
    return (**this)(std::forward<A>(arguments)...);
  }
  template <class... A>
  void operator()(A&&...) const = delete;  // wrong arguments: see T for those this callback takes

  friend bool operator==(const handle& a, const handle& b) noexcept {
    return a.object_ == b.object_;
  }
  friend bool operator==(const handle& a, const T* b) noexcept { return a.object_ == b; }
  friend bool operator==(const handle& a, std::nullptr_t) noexcept { return a.object_ == nullptr; }
  // By address, as std::less orders pointers.
  friend std::strong_ordering operator<=>(const handle& a, const handle& b) noexcept {
    return std::compare_three_way()(a.object_, b.object_);
  }

 protected:
  handle() noexcept = default;
  explicit handle(T* object) noexcept : object_(object) {
    if (object != nullptr) {
      count_of(object)->retain();
    }
  }
  handle(T* object, adopt_t) noexcept : object_(object) {}

  handle(const handle& other) noexcept : handle(other.object_) {}
  handle(handle&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}

  // The old object is released by the temporary, when *this no longer depends on it.
  handle& operator=(const handle& other) noexcept {
    handle(other).swap(*this);
    return *this;
  }
  handle& operator=(handle&& other) noexcept {
    handle(std::move(other)).swap(*this);
    return *this;
  }

  ~handle() {
    if (object_ != nullptr) {
      count_of(object_)->release();
    }
  }

 private:
  friend handle_access;

  void swap(handle& other) noexcept { std::swap(object_, other.object_); }

  T* object_ = nullptr;
};

// The door between counted handles and raw pointers, for the library itself.
struct handle_access {
  // A handle that takes over one count of `object`.
  template <class Handle>
  static Handle take(typename Handle::element_type* object) noexcept {
    return Handle(object, adopt);
  }
  // A handle that adds one count to `object`.
  template <class Handle>
  static Handle share(typename Handle::element_type* object) noexcept {
    return Handle(object);
  }
  // Empties a handle without releasing: the caller now owns its count.
  template <class T>
  static T* detach(handle<T>& from) noexcept {
    return std::exchange(from.object_, nullptr);
  }
};

}  // namespace detail
}  // namespace async
