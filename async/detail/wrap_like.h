// cwrap on behalf of somebody else: a callback of the library's own that runs under the color of a
// user's callback, and is known by that one's call site (stage 2).
//
// Thread-safety: any thread; the origin is a value.
#pragma once

#include <utility>

#include "mp/color.h"

namespace async::detail {

// Where a user's callback was made, and its color; it outlives the callback.
struct origin {
  explicit origin(const callback_base& user) noexcept
      : its_color(color_of(user)), site(user.where()) {}

  color its_color;
  where site;
};

// cwrap(from.its_color, f, bound...), as if made at from.site.
template <class F, class... Bound>
auto wrap_like(const origin& from, F&& f, Bound&&... bound) {
  return make_colored<F, Bound...>(color(from.its_color).give(), from.site, std::forward<F>(f),
                                   std::forward<Bound>(bound)...);
}

}  // namespace async::detail
