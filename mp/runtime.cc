#include "mp/runtime.h"

#include <stdexcept>

#include "mp/detail/scheduler.h"

namespace async {

runtime::runtime(runtime_options options)
    : scheduler_(std::make_unique<detail::scheduler>(std::move(options))) {}

runtime::~runtime() {
  if (scheduler_->started()) stop();
}

void runtime::start() { scheduler_->start(false); }

run_summary runtime::run() {
  scheduler_->start(true);
  scheduler_->work();
  return scheduler_->finish();
}

void runtime::drain() {
  if (scheduler_->started()) scheduler_->drain();
}

run_summary runtime::stop() {
  if (!scheduler_->started()) return {};
  async::stop();
  return scheduler_->finish();
}

unsigned runtime::cpus() const noexcept { return scheduler_->cpus(); }

void stop() noexcept {
  if (!detail::queue().in_use.load()) return;
  detail::queue().stopping.store(true);
  detail::queue().parking.wake_all();
}

}  // namespace async
