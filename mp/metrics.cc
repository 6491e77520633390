// Beginning, ending and reading metrics: see metrics.h.
#include "mp/metrics.h"

#include <pthread.h>

#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>

#include "mp/detail/environment_output.h"
#include "mp/detail/metrics_session.h"
#include "mp/detail/observers.h"
#include "mp/detail/output_file.h"
#include "mp/detail/trace_clock.h"

namespace async {
namespace detail {

namespace {

struct metrics_control {
  std::mutex mutex;
  // Guarded by mutex.
  std::shared_ptr<metrics_session> session;  // the last one; null before the first
  bool on = false;
};

// Never destroyed: workers and posters may outlive static objects.
metrics_control& the_metrics() noexcept {
  static metrics_control& it = *new metrics_control;
  return it;
}

// Never destroyed, either: exit() calls it.
environment_output& metrics_output() noexcept {
  static environment_output& it =
      *new environment_output("ASYNC_METRICS", "no metrics", &metrics_write);
  return it;
}

// The clock's two readings belong together as far as the third is not far from the first.
trace_instant precise_instant() noexcept {
  trace_instant best{};
  std::uint64_t least = ~std::uint64_t{0};
  for (int i = 0; i != 10; ++i) {
    const trace_instant it = trace_instant::now();
    const std::uint64_t gap = trace_clock::ordered() - it.ticks;
    if (gap < least) {
      least = gap;
      best = it;
    }
  }
  return best;
}

double ns_per_tick() noexcept {
  static const double measured = [] {
    trace_clock::begin();
    const trace_instant first = precise_instant();
    while (trace_clock::nanoseconds(CLOCK_MONOTONIC) - first.monotonic < 2'000'000) {}
    const trace_instant last = precise_instant();
    return static_cast<double>(last.monotonic - first.monotonic) /
           static_cast<double>(last.ticks - first.ticks);
  }();
  return measured;
}

// In a forked child: what was measured is the parent's.
void forget_metrics() noexcept {
  note_posts(false);
  forget_observers();
  metrics_output().forget();
  ::new (&the_metrics()) metrics_control;
}

// Before main(), so that what it posts before there is a runtime is noted, too.
const bool metrics_were_asked_for = [] {
  metrics_output().begin([] { metrics_start(); }, [] { metrics_output().write_at_exit(); });
  return true;
}();

std::shared_ptr<metrics_session> last_metrics() {
  metrics_control& c = the_metrics();
  const std::lock_guard lock(c.mutex);
  return c.session;
}

}  // namespace

std::shared_ptr<metrics_session> current_metrics() {
  metrics_control& c = the_metrics();
  const std::lock_guard lock(c.mutex);
  return c.on ? c.session : nullptr;
}

void write_metrics_of_environment() noexcept { metrics_output().write(); }

void measured_runtime_finished() noexcept {
  forget_posts();
  write_metrics_of_environment();
}

}  // namespace detail

void metrics_start(metrics_options options) {
  static const int has_handler = pthread_atfork(nullptr, nullptr, detail::forget_metrics);
  static_cast<void>(has_handler);
  auto session = std::make_shared<detail::metrics_session>(options, detail::ns_per_tick());
  detail::metrics_control& c = detail::the_metrics();
  const std::lock_guard lock(c.mutex);
  std::swap(c.session, session);
  c.on = true;
  detail::note_posts(true);
  detail::turn_on(detail::observer::metrics);
}

void metrics_stop() noexcept {
  detail::metrics_control& c = detail::the_metrics();
  const std::lock_guard lock(c.mutex);
  c.on = false;
  detail::note_posts(false);
  detail::turn_off(detail::observer::metrics);
}

bool measuring() noexcept {
  detail::metrics_control& c = detail::the_metrics();
  const std::lock_guard lock(c.mutex);
  return c.on;
}

metrics_snapshot metrics_read() {
  const auto session = detail::last_metrics();
  return session != nullptr ? session->read() : metrics_snapshot{};
}

std::string metrics_text() {
  const auto session = detail::last_metrics();
  return session != nullptr ? detail::text_of(session->read()) : "";
}

void metrics_write(const std::string& file) {
  detail::output_file out(file);
  out.print("%s", metrics_text().c_str());
  out.finish();
}

}  // namespace async
