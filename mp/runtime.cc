#include "mp/runtime.h"

#include <stdexcept>

#include "mp/detail/color_state.h"
#include "mp/detail/scheduler.h"
#include "wrap/detail/color_check.h"
#include "wrap/detail/misuse.h"

namespace async {

namespace {

// A callback that waited for its own runtime would wait for itself.
void must_be_outside(const char* what) noexcept {
  if (detail::running_color() != nullptr) detail::misuse(where::current(), what);
}

}  // namespace

runtime::runtime(runtime_options options)
    : scheduler_(std::make_unique<detail::scheduler>(std::move(options))) {}

runtime::~runtime() {
  if (scheduler_->started()) stop();
}

void runtime::start() {
  must_be_outside("runtime::start: called by a callback");
  scheduler_->start(false);
}

run_summary runtime::run() {
  must_be_outside("runtime::run: called by a callback");
  scheduler_->start(true);
  scheduler_->work();
  return scheduler_->finish();
}

void runtime::drain() {
  must_be_outside("runtime::drain: called by a callback, which is never done while it waits");
  if (scheduler_->started()) scheduler_->drain();
}

run_summary runtime::stop() {
  must_be_outside("runtime::stop: called by a callback: use the function async::stop()");
  if (!scheduler_->started()) return {};
  async::stop();
  return scheduler_->finish();
}

unsigned runtime::cpus() const noexcept { return scheduler_->cpus(); }

void stop() noexcept {
  const detail::unobserved queue;
  if (!detail::queue().in_use.load()) return;
  detail::queue().stopping.store(true);
  detail::queue().parking.wake_all();
}

}  // namespace async
