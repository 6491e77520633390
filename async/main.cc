// amain: see main.h. Starts all stages.
#include "async/main.h"

#include <csignal>

#include "async/detail/blocking_state.h"
#include "async/detail/file_operation.h"
#include "async/detail/select_loop.h"
#include "mp/detail/watchdog_control.h"

namespace async {

run_summary amain(runtime_options options) {
  struct sigaction pipe;
  // Only the default is changed: a handler, sigcb's or another, stays.
  if (sigaction(SIGPIPE, nullptr, &pipe) == 0 && pipe.sa_handler == SIG_DFL) {
    pipe.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &pipe, nullptr);
  }
  options.waiter = &select_waiter();
  run_summary summary = runtime(options).run();
  const detail::watched_wait end("blocking work and operations on files to end", options.waiter);
  summary.destroyed += detail::drop_shared_blocking_work() + detail::drop_file_operations();
  return summary;
}

idle_waiter& select_waiter() { return detail::loop_for_current_color(); }

}  // namespace async
