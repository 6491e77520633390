// Colors, and posting callbacks to them (stage 3 of the map in async/async.h).
//
// A callback runs under a color. Two callbacks of one color never overlap in time and run in the
// order in which they were posted; callbacks of different colors may run at the same time. Data
// that only one color's callbacks touch needs no lock. What names no color has the default color,
// so a program without colors behaves the same on any number of CPUs.
//
//   color c = color::fresh();                 // one per client, say
//   post(c, [] { ... });                      // run this under c, later
//   cbv done = cwrap(c, mkref(this), &client::done);   // whoever calls it, it runs under c
//   done();                                   //   at once if c is the running color, else posted
//   cpucb(done);                              // always posted, to done's own color
//   cpucb(wrap(&tick));                       // no color was given: the default color
//
// Thread-safety: everything here may be called from any thread, callback or not, with or without a
// runtime, and does not block, except for short internal locks. One color object is as
// thread-safe as an int.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

#include "mp/detail/color_state.h"
#include "mp/detail/colored_callback.h"
#include "mp/detail/task.h"
#include "wrap/callback.h"
#include "wrap/where.h"
#include "wrap/wrap.h"

namespace async {

// A handle to a color: one pointer, counted. Copies and compares are cheap. While a handle exists
// or a callback of the color is pending, the color exists; after that it costs nothing.
class color {
 public:
  // The default color.
  color() noexcept : state_(&detail::default_color) {}

  // The color numbered `n`: the same one for the same number wherever it is named; 0 is the default
  // color. Costs a look-up under a lock, so keep the handle where it is used often. Throws
  // std::out_of_range for an n of 2^61 or more.
  explicit color(std::uint64_t n);

  // A color that nothing else has. Throws std::bad_alloc.
  static color fresh();

  // The color of the object at this address, as long as the object lives: the same for the same
  // object. Costs a look-up, as above.
  static color of(const void* object);

  // The color of the callback that is running on this thread, or the default color outside of one.
  static color current() noexcept;

  color(const color& other) noexcept : state_(other.state_) { state_->retain(); }
  // Leaves `other` the default color.
  color(color&& other) noexcept : state_(std::exchange(other.state_, &detail::default_color)) {}
  color& operator=(color other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~color() { state_->release(); }

  // Whether the calling thread is running a callback of this color.
  bool is_current() const noexcept { return state_ == detail::running_color(); }
  bool is_default() const noexcept { return state_ == &detail::default_color; }

  // A number to print: the n of color{n}, the address of an object, or 2^61 and a running number
  // for a fresh color; 0 for the default color.
  std::uint64_t id() const noexcept { return state_->id(); }

  friend bool operator==(const color&, const color&) noexcept = default;

  // For the library's own use.
  detail::color_state* state() const noexcept { return state_; }
  // For the library's own use: takes over a reference that the caller has counted.
  detail::color_state* give() && noexcept { return std::exchange(state_, &detail::default_color); }
  static color adopt(detail::color_state* counted) noexcept { return color(counted, 0); }

 private:
  color(detail::color_state* counted, int) noexcept : state_(counted) {}

  detail::color_state* state_;
};

// Queues `function` (called without arguments, once; move-only ones are welcome) to run under `c`.
// Callbacks that one thread or callback posts to one color run in the order of posting. The
// function object is destroyed right after it has run, or unrun when the runtime stops.
template <class F>
  requires(std::is_invocable_v<std::decay_t<F>&>)
void post(const color& c, F&& function, where site = where::current()) {
  detail::submit(c.state(), detail::make_task(std::forward<F>(function), site));
}

// Queues `callback` under its own color: that which cwrap gave it, else the default color.
inline void cpucb(callback<void>::ref callback) {
  auto* state = detail::state_of(*callback);
  const where site = callback->where();
  detail::submit(state, detail::make_task(detail::posted_callback{std::move(callback)}, site));
}

// A callback with a color: cwrap(c, f, bound...) is used like wrap(f, bound...), and f has to
// return nothing. Called by a callback of color c, it is a plain call; by any other, or by a thread
// that runs no callback, it is posted to c, its arguments moved or copied into the post (a
// reference, too: the callee is given the copy). Event sources post it to c.
template <class F, class... Bound>
class cwrap : public detail::callback_of_t<F, Bound...>::ref {
  using base = typename detail::callback_of_t<F, Bound...>::ref;
  static_assert(detail::returns_void<detail::callback_of_t<F, Bound...>>,
                "cwrap: the function must return void: a posted call has nobody to return to");

 public:
  // `site` is the caller's line, and is not passed.
  explicit cwrap(color c, F&& f, Bound&&... bound, where site = where::current())
      : base(detail::make_colored<F, Bound...>(std::move(c).give(), site, std::forward<F>(f),
                                               std::forward<Bound>(bound)...)) {}

  // After a type error, keeps the compiler from complaining a second time.
  template <class T>
    requires(!detail::can_wrap<F, Bound...>)
  operator T() const;
};

template <class F, class... Bound>
cwrap(color, F&&, Bound&&...) -> cwrap<F, Bound...>;

// The color that cwrap gave to `callback`, else the default color.
inline color color_of(const callback_base& callback) noexcept {
  auto* state = detail::state_of(callback);
  state->retain();
  return color::adopt(state);
}

// Lets other CPUs start what the running callback has posted so far. Otherwise the color that it
// made runnable last stays with this CPU, and is run next, for its data is in this CPU's cache. For
// a callback that posts and then computes for long. Does nothing outside of a callback.
void publish() noexcept;

}  // namespace async

template <>
struct std::hash<async::color> {
  std::size_t operator()(const async::color& c) const noexcept {
    // Colors are cache-line aligned: the low bits say nothing.
    return reinterpret_cast<std::uintptr_t>(c.state()) / alignof(async::detail::color_state);
  }
};
