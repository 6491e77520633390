// wrap: makes a callback of a function and of its leading arguments.
//
// Stage: 2 (callbacks are made where events are registered) and 5 (they are run).
//
//   void got(int fd, std::string line);
//   async::callback<void, std::string>::ref cb = async::wrap(&got, 3);
//   cb("hello");                                           // got(3, "hello")
//
//   wrap([n = 0](int step) mutable { n += step; })         // a lambda or other function object
//   wrap(this, &conn::readable)                            // a method of a raw pointer's object,
//   wrap(mkref(this), &conn::readable)                     // or of a ref's or ptr's, kept alive
//   wrap(std::ref(table), &table_t::insert, 7)
//   wrap(cb, "hello")                                      // of a callback, binding more of it
//
// wrap(...) is a callback<R, Rest...>::ref, where R is what the function returns and Rest are its
// parameters without those bound. The function object must have exactly one operator().
//
// Bound arguments are kept as decayed copies, move-only ones moved in; so a `const T&` parameter
// refers to the callback's own copy and never dangles. Two exceptions:
//   - std::ref(x) binds x itself: the caller sees to it that x lives.
//   - a pointer bound to a parameter of class type is converted at once: a char array for a
//     std::string parameter is copied then. (A string_view parameter still only points: bind a
//     std::string to it.)
// A callback may be called many times, so each call is given the kept copy as an lvalue. A
// parameter T gets a copy; T& gets the kept one itself, changes to which last until the next call.
// A parameter that would have to take the kept one over (T&&, or a move-only T by value) does not
// compile: let it be T&, and std::move from there what only the first call needs.
//
// Bound arguments are constructed in order, after the function, and destroyed in reverse order when
// the last handle goes. What a copy constructor throws leaves wrap, and nothing is leaked.
//
// One allocation: 24 bytes (with g++), and the function and the arguments with no padding but that
// of their own alignment; two ints bound to a function make 40 bytes. Up to 64 bytes come from a
// cache of the thread.
//
// A null function, method or object aborts with the line of the wrap.
//
// Thread safety: wrap may be called by any thread; callbacks are as in wrap/callback.h.
// Invariants: as in wrap/detail/closure.h.
#pragma once

#include <type_traits>
#include <utility>

#include "wrap/callback.h"
#include "wrap/detail/block_cache.h"
#include "wrap/detail/closure.h"
#include "wrap/where.h"

namespace async {

namespace detail {

// A callback that calls a closure.
template <class Callback, class Closure>
class bound_callback;
template <class R, class... Rest, class Closure>
class bound_callback<callback<R, Rest...>, Closure> final
    : public callback<R, Rest...>,
      public pooled<bound_callback<callback<R, Rest...>, Closure>> {
 public:
  template <class... A>
  explicit bound_callback(where site, A&&... arguments)
      : callback<R, Rest...>(site), closure_(site, std::forward<A>(arguments)...) {}

  R operator()(Rest... rest) override { return closure_(std::forward<Rest>(rest)...); }

  const void* bound_object() const noexcept override { return closure_.bound_object(); }

 private:
  void finalize() override { delete this; }  // so that the destructor is not called virtually

  Closure closure_;
};

template <class F, class... Bound>
typename callback_of_t<F, Bound...>::ref make_bound(where site, F&& f, Bound&&... bound) {
  using callback_type = callback_of_t<F, Bound...>;
  callback_type* made = nullptr;
  if constexpr (can_wrap<F, Bound...>) {
    made = new bound_callback<callback_type, closure_of_t<F, Bound...>>(
        site, std::forward<F>(f), std::forward<Bound>(bound)...);
    made->retain_first();
  }
  return handle_access::take<typename callback_type::ref>(made);
}

}  // namespace detail

// Used like a function: wrap(f, bound...). F and Bound are deduced as by forwarding references. Any
// thread; does not block; throws what copying the arguments or operator new throw.
template <class F, class... Bound>
class wrap : public detail::callback_of_t<F, Bound...>::ref {
  using base = typename detail::callback_of_t<F, Bound...>::ref;

 public:
  // `site` is the caller's line, and is not passed.
  explicit wrap(F&& f, Bound&&... bound, where site = where::current())
      : base(detail::make_bound<F, Bound...>(site, std::forward<F>(f),
                                             std::forward<Bound>(bound)...)) {}

  // After a type error, keeps the compiler from complaining a second time.
  template <class T>
    requires(!detail::can_wrap<F, Bound...>)
  operator T() const;
};

template <class F, class... Bound>
wrap(F&&, Bound&&...) -> wrap<F, Bound...>;

// wrap for a function that wraps on behalf of its caller, whose line `site` is.
template <class F, class... Bound>
typename detail::callback_of_t<F, Bound...>::ref wrap_at(where site, F&& f, Bound&&... bound) {
  return detail::make_bound<F, Bound...>(site, std::forward<F>(f), std::forward<Bound>(bound)...);
}

}  // namespace async
