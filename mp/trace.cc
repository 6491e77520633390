// Beginning, ending and writing traces.
#include "mp/trace.h"

#include <pthread.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "mp/detail/environment_output.h"
#include "mp/detail/observers.h"
#include "mp/detail/trace_json.h"
#include "mp/detail/trace_picture.h"
#include "mp/detail/trace_session.h"

namespace async {
namespace detail {

constinit std::atomic<unsigned> trace_generation{0};

namespace {

struct trace_control {
  std::mutex mutex;
  // Guarded by mutex, as are writes of trace_generation.
  std::shared_ptr<trace_session> session;  // the last one; null before the first
  unsigned last_generation = 0;
};

// Never destroyed: workers and posters may outlive static objects.
trace_control& control() noexcept {
  static trace_control& it = *new trace_control;
  return it;
}

// Never destroyed, either: exit() calls it.
environment_output& output() noexcept {
  static environment_output& it = *new environment_output("ASYNC_TRACE", "no trace", &trace_write);
  return it;
}

// In a forked child: the trace is the parent's, and so is what it held.
void forget_trace() noexcept {
  trace_generation.store(0, std::memory_order_relaxed);
  forget_observers();
  output().forget();
  ::new (&control()) trace_control;
}

// 0 if it is not a number from 1 to 4096.
std::size_t parse_mib(const char* text) noexcept {
  char* end = nullptr;
  const unsigned long mib = std::strtoul(text, &end, 10);
  return *text >= '1' && *text <= '9' && *end == '\0' && mib <= 4096 ? mib : 0;
}

void start_as_environment_says() {
  trace_options options;
  if (const char* const text = secure_getenv("ASYNC_TRACE_MIB")) {
    const std::size_t mib = parse_mib(text);
    if (mib == 0) output().say("ASYNC_TRACE_MIB is ignored: not a number from 1 to 4096", text);
    if (mib != 0) options.bytes_per_cpu = mib << 20;
  }
  trace_start(options);
}

// Before main(), so that what it posts before there is a runtime is noted, too.
const bool environment_was_asked = [] {
  output().begin(&start_as_environment_says, [] { output().write_at_exit(); });
  return true;
}();

}  // namespace

std::shared_ptr<trace_session> last_trace() {
  trace_control& c = control();
  const std::lock_guard lock(c.mutex);
  return c.session;
}

trace_in_progress current_trace() {
  trace_control& c = control();
  const std::lock_guard lock(c.mutex);
  // relaxed: written under the lock.
  const unsigned generation = trace_generation.load(std::memory_order_relaxed);
  if (generation == 0) return {};
  return {c.session, generation};
}

bool traced_push(color_state& color, task* t) noexcept {
  const trace_in_progress now = current_trace();
  return now.session != nullptr ? now.session->push_from_outside(color, t) : color.mail.push(t);
}

void runtime_finished() noexcept { output().write(); }

}  // namespace detail

void trace_start(trace_options options) {
  detail::trace_clock::begin();
  static const int has_handler = pthread_atfork(nullptr, nullptr, detail::forget_trace);
  static_cast<void>(has_handler);
  auto session = std::make_shared<detail::trace_session>(options.bytes_per_cpu);
  detail::trace_control& c = detail::control();
  const std::lock_guard lock(c.mutex);
  std::swap(c.session, session);
  // relaxed: see trace_session.h.
  detail::trace_generation.store(++c.last_generation, std::memory_order_relaxed);
  detail::turn_on(detail::observer::trace);
}

void trace_stop() noexcept {
  const std::lock_guard lock(detail::control().mutex);
  detail::trace_generation.store(0, std::memory_order_relaxed);
  detail::turn_off(detail::observer::trace);
}

bool tracing() noexcept { return detail::trace_generation.load(std::memory_order_relaxed) != 0; }

void trace_write(const std::string& file) {
  const auto session = detail::last_trace();
  if (session == nullptr) throw std::logic_error("async::trace_write: nothing was traced");
  detail::write_trace_json(detail::trace_picture(*session), file);
}

}  // namespace async
