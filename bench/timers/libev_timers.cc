// The timer loads on bare libev (stage 1). Each timer is an object of its own on the heap, made
// when it is set and deleted when it has fired or is cancelled, as a one-shot timer in a program
// is; all stamps are relative to the loop's own idea of now, so libev reads no clock for each.

#include <ev.h>

#include <stdexcept>

#include "bench/timers/timer_load.h"

namespace bench {
namespace {

struct libev_run {
  struct ev_loop* loop;
  std::size_t left;
};

struct libev_timer {
  ev_timer watcher;
  libev_run* run;
};

void on_due(struct ev_loop* loop, ev_timer* watcher, int) {
  auto* timer = static_cast<libev_timer*>(watcher->data);
  if (--timer->run->left == 0) ev_break(loop, EVBREAK_ALL);
  delete timer;
}

std::vector<libev_timer*> set_timers(libev_run& run, const timer_load& load) {
  std::vector<libev_timer*> timers;
  timers.reserve(load.due.size());
  ev_now_update(run.loop);
  for (const auto due : load.due) {
    auto* timer = new libev_timer;
    timer->run = &run;
    ev_timer_init(&timer->watcher, &on_due, std::chrono::duration<double>(due).count(), 0.);
    timer->watcher.data = timer;
    ev_timer_start(run.loop, &timer->watcher);
    timers.push_back(timer);
  }
  return timers;
}

}  // namespace

timing run_timers_on_libev(const timer_load& load, bool cancelling_only) {
  libev_run run{ev_loop_new(EVBACKEND_EPOLL), load.due.size()};
  if (run.loop == nullptr) throw std::runtime_error("no libev loop");
  stopwatch watch;
  const std::vector<libev_timer*> timers = set_timers(run, load);
  if (cancelling_only) watch.restart();
  if (load.end == fate::fire)
    ev_run(run.loop, 0);
  else
    for (const std::uint32_t i : load.order) {
      ev_timer_stop(run.loop, &timers[i]->watcher);
      delete timers[i];
    }
  const timing took = watch.elapsed();
  ev_loop_destroy(run.loop);
  return took;
}

}  // namespace bench
