// Signals: see signal.h. Serves stages 1 and 2.
#include "async/signal.h"

#include <utility>

#include "async/detail/select_loop.h"

namespace async {

std::error_code sigcb(int number, callback<void>::ptr cb) {
  return detail::loop_for_current_color().watch_signal(number, std::move(cb));
}

}  // namespace async
