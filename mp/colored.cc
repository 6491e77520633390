// The assertion of a color: see colored.h. Serves stage 5.
#include "mp/colored.h"

#include <cstdio>

#include "mp/detail/scheduler.h"
#include "wrap/detail/misuse.h"

namespace async::detail {

void require_color(const color& expected, where site) noexcept {
  const color_state* const running = running_color();
  if (running == expected.state()) return;
  if (running == nullptr && !queue().running.load()) return;
  const color_name wanted(*expected.state());
  char text[160];
  if (running != nullptr) {
    std::snprintf(text, sizeof text, "this belongs to %s, and a callback of %s touches it",
                  wanted.text, color_name(*running).text);
  } else {
    std::snprintf(text, sizeof text,
                  "this belongs to %s, and a thread that runs no callback "
                  "touches it while callbacks may run",
                  wanted.text);
  }
  misuse(site, text);
}

}  // namespace async::detail
