// Timers: see timer.h. Serves stages 1 and 2.
#include "async/timer.h"

#include <algorithm>

#include "async/detail/select_loop.h"
#include "mp/clock.h"

namespace async {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

static_assert(std::same_as<steady_clock::duration, nanoseconds>);

timecb_t timecb(steady_clock::time_point at, callback<void>::ref cb) {
  auto& timers = detail::loop_for_current_color().timers();
  return timecb_t(timers.add(at.time_since_epoch().count(), std::move(cb)));
}

timecb_t timecb(system_clock::time_point at, callback<void>::ref cb) {
  // Halved, so that the difference can't overflow.
  const auto left = at.time_since_epoch() / 2 - system_clock::now().time_since_epoch() / 2;
  constexpr auto most = std::chrono::duration_cast<system_clock::duration>(nanoseconds::max()) / 2;
  return delaycb(std::min(left, most) * 2 + system_clock::duration(1), std::move(cb));
}

timecb_t delaycb(nanoseconds delay, callback<void>::ref cb) {
  const auto now = steady_now();
  delay = std::max(delay, nanoseconds::zero());
  // One less than the end of time, which means `never`.
  const auto latest = steady_clock::time_point::max() - nanoseconds(1);
  return timecb(delay < latest - now ? now + delay : latest, std::move(cb));
}

void timecb_remove(const timecb_t& timer) noexcept {
  if (!timer) return;
  detail::loop_for_current_color().timers().remove(*static_cast<detail::timer*>(timer.get()));
}

}  // namespace async
