// The callback that cwrap makes: a closure and its color (stages 2 and 3).
//
// Thread-safety: may be called by any thread; what it wraps runs under its color only.
#pragma once

#include <tuple>
#include <utility>

#include "mp/detail/color_state.h"
#include "mp/detail/task.h"
#include "wrap/callback.h"
#include "wrap/detail/block_cache.h"
#include "wrap/detail/closure.h"

namespace async::detail {

// What cpucb posts.
struct posted_callback {
  callback<void>::ref posted;
  void operator()() { (*posted)(); }
  const void* bound_object() const noexcept { return posted->bound_object(); }
};

template <class Callback, class Closure>
class colored_callback;
template <class... Rest, class Closure>
class colored_callback<callback<void, Rest...>, Closure> final
    : public callback<void, Rest...>,
      public pooled<colored_callback<callback<void, Rest...>, Closure>> {
 public:
  // Takes over a counted reference to the color.
  template <class... A>
  explicit colored_callback(color_state* color, where site, A&&... arguments)
      : callback<void, Rest...>(site),
        color_(color),
        closure_(site, std::forward<A>(arguments)...) {}

  void operator()(Rest... rest) override {
    if (color_.state == running_color()) {
      closure_(std::forward<Rest>(rest)...);
      return;
    }
    submit(color_.state,
           make_task(posted_call{mkref(this), kept_arguments(std::forward<Rest>(rest)...)},
                     this->where()));
  }

  const void* bound_object() const noexcept override { return closure_.bound_object(); }

  const void* color_tag() const noexcept override { return color_.state; }

 private:
  using kept_arguments = std::tuple<std::decay_t<Rest>...>;
  struct posted_call {
    async::ref<colored_callback> self;
    [[no_unique_address]] kept_arguments arguments;
    void operator()() {
      std::apply([this](auto&... kept) { self->closure_(static_cast<Rest&&>(kept)...); },
                 arguments);
    }
    const void* bound_object() const noexcept { return self->bound_object(); }
  };

  void finalize() override { delete this; }

  // First, so that it is let go if the closure's constructor throws.
  struct held_color {
    color_state* const state;
    explicit held_color(color_state* counted) noexcept : state(counted) {}
    held_color(const held_color&) = delete;
    ~held_color() { state->release(); }
  } color_;
  Closure closure_;
};

template <class F, class... Bound>
typename callback_of_t<F, Bound...>::ref make_colored(color_state* counted, where site, F&& f,
                                                      Bound&&... bound) {
  using callback_type = callback_of_t<F, Bound...>;
  callback_type* made = nullptr;
  if constexpr (can_wrap<F, Bound...>) {
    made = new colored_callback<callback_type, closure_of_t<F, Bound...>>(
        counted, site, std::forward<F>(f), std::forward<Bound>(bound)...);
    made->retain_new();
  }
  return handle_access::take<typename callback_type::ref>(made);
}

template <class Callback>
inline constexpr bool returns_void = false;
template <class... Rest>
inline constexpr bool returns_void<callback<void, Rest...>> = true;

}  // namespace async::detail
