// fds/wake: a thread outside posts one callback to a loop that is asleep in epoll_wait, as a
// program's is that also waits for fds; against Asio's io_context and libev's ev_async. Stages 1
// and 3 to 5, on one CPU; the poster watches from the other one.

#include <ev.h>

#include <asio.hpp>
#include <optional>
#include <stdexcept>
#include <thread>

#include "async/main.h"
#include "bench/support/placement.h"
#include "bench/support/wake.h"
#include "mp/color.h"

namespace bench {
namespace {

void wake_ours(benchmark::State& state) {
  const placement restored_afterwards;
  confine_to_first(1);
  async::runtime_options options{.cpus = 1};
  options.waiter = &async::select_waiter();
  async::runtime runtime(options);
  runtime.start();
  keep_off_first(1);
  const async::color color = async::color::fresh();
  measure_wake(state, [&](mark callback) { async::post(color, callback); });
  runtime.stop();
}

void wake_asio(benchmark::State& state) {
  const placement restored_afterwards;
  confine_to_first(1);
  asio::io_context context(1);
  asio::steady_timer far_away(context, std::chrono::hours(1));  // makes it wait in its reactor
  far_away.async_wait([](const asio::error_code&) {});
  std::jthread loop([&] { context.run(); });
  keep_off_first(1);
  measure_wake(state, [&](mark callback) { asio::post(context, callback); });
  context.stop();
}

/// What ev_async wakes the loop for. A program would have a locked queue here; one place will do.
struct libev_mailbox {
  std::optional<mark> posted;
  bool ended = false;
};

void on_wake(struct ev_loop* loop, ev_async* watcher, int) {
  auto& mailbox = *static_cast<libev_mailbox*>(watcher->data);
  if (mailbox.ended) return ev_break(loop, EVBREAK_ALL);
  const mark callback = *mailbox.posted;
  mailbox.posted.reset();
  callback();
}

void wake_libev(benchmark::State& state) {
  const placement restored_afterwards;
  confine_to_first(1);
  struct ev_loop* loop = ev_loop_new(EVBACKEND_EPOLL);
  if (loop == nullptr) throw std::runtime_error("no libev loop");
  libev_mailbox mailbox;
  ev_async awake;
  ev_async_init(&awake, &on_wake);
  awake.data = &mailbox;
  ev_async_start(loop, &awake);
  std::jthread thread([&] { ev_run(loop, 0); });
  keep_off_first(1);
  measure_wake(state, [&](mark callback) {
    mailbox.posted = callback;  // ev_async_send is a full fence
    ev_async_send(loop, &awake);
  });
  mailbox.ended = true;
  ev_async_send(loop, &awake);
  thread.join();
  ev_loop_destroy(loop);
}

const bool added = [] {
  add("fds/wake/cpus:1", "ours", &wake_ours);
  add("fds/wake/cpus:1", "peer:asio_io_context", &wake_asio);
  add("fds/wake/cpus:1", "peer:libev", &wake_libev);
  return true;
}();

}  // namespace
}  // namespace bench
