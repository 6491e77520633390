// Data that belongs to a color: in debug builds each access asserts that the right color is running
// (stage 5). In builds with NDEBUG nothing is asserted and nothing is stored.
//
//   class session {
//     const color own_ = color::fresh();
//     colored<std::deque<request>> waiting_{own_};
//     // Aborts under another color.
//     void arrived(request r) { waiting_().push_back(std::move(r)); }
//   };
//   void flush() { assert_color(log_color); ... }  // the same for a function
//
// The message names the line of the access and both colors. This looks at each access as it
// happens, so it finds a mistake when the mistaken callback runs, on one CPU as on many. What is
// not wrapped, it does not see: the color checker (scons sanitize=colors) sees all memory.
//
// Outside of callbacks, what is colored may be touched as long as no runtime has workers: so data
// can be filled before amain() and read after it.
//
// Thread-safety: assert_color() and `unchecked` from anywhere. A colored<T> is its color's, as T
// is.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "mp/color.h"
#include "wrap/detail/color_check.h"
#include "wrap/where.h"

namespace async {

namespace detail {

// Aborts, naming `site`, unless the caller is a callback of `expected`, or no callback can run.
void require_color(const color& expected, where site) noexcept;

}  // namespace detail

// Aborts, naming the caller's line, unless the caller is a callback of `expected`. In builds with
// NDEBUG it does nothing.
inline void assert_color([[maybe_unused]] const color& expected,
                         [[maybe_unused]] where site = where::current()) noexcept {
#if !defined(NDEBUG)
  detail::require_color(expected, site);
#endif
}

// A T of which only callbacks of one color may make use.
template <class T>
class colored {
 public:
  // A T made of `arguments`, by any thread or callback, that belongs to `owner`.
  template <class... A>
  explicit colored([[maybe_unused]] color owner, A&&... arguments)
      :
#if !defined(NDEBUG)
        owner_(std::move(owner)),
#endif
        value_(std::forward<A>(arguments)...) {
  }
  // A color's data is handed to another color by a post, as a T.
  colored(const colored&) = delete;
  colored& operator=(const colored&) = delete;

  // The T. Aborts, naming the caller's line, unless the caller is a callback of the owner.
  T& operator()(where site = where::current()) noexcept {
    check(site);
    return value_;
  }
  const T& operator()(where site = where::current()) const noexcept {
    check(site);
    return value_;
  }

 private:
  void check([[maybe_unused]] where site) const noexcept {
#if !defined(NDEBUG)
    detail::require_color(owner_, site);
#endif
  }

#if !defined(NDEBUG)
  const color owner_;
#endif
  T value_;
};

// For the color checker: while one exists, it does not look at what the running callback touches.
// For data that is safe for another reason than its color; what thread_local containers have on the
// heap, for one: callbacks of many colors use it, but no two at once. In every other build it is
// nothing.
class [[maybe_unused]] unchecked {
  [[no_unique_address, maybe_unused]] detail::unobserved scope_;
};

// The calling thread's T, the same one at each call: for what callbacks of all colors work with and
// leave nothing in that the next one needs, such as buffers. A thread runs one at a time, so that
// is safe; but the color checker would take it for data that colors share. In its builds, each
// callback finds what the last one of its color has left there, or a T that is new.
template <class T>
T& thread_scratch() {
  if constexpr (detail::colors_checked) {
    static thread_local std::unique_ptr<T> its;
    static thread_local std::uint64_t user = 0;
    const unchecked changing_hands;
    if (const std::uint64_t id = color::current().id(); its == nullptr || user != id) {
      its.reset();
      its = std::make_unique<T>();
      user = id;
    }
    return *its;
  } else {
    static thread_local T its;
    return its;
  }
}

}  // namespace async
