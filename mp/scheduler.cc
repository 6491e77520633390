// Starting, stopping and draining the workers, and what they share.
#include "mp/detail/scheduler.h"

#include <pthread.h>
#include <sched.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "mp/detail/chooser.h"
#include "mp/detail/cpus.h"
#include "mp/detail/fibers.h"
#include "mp/detail/fork.h"
#include "mp/detail/metrics_session.h"
#include "mp/detail/trace_session.h"
#include "mp/detail/watchdog_control.h"
#include "mp/detail/worker.h"

namespace async::detail {

namespace {

[[noreturn]] void die_of_exception(const std::exception_ptr& exception, where site) {
  const char* what = "not a std::exception";
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {}
  std::fprintf(stderr, "%s: an exception left the callback wrapped or posted at %s:%u (%s): %s\n",
               program_invocation_short_name, site.file_name(), static_cast<unsigned>(site.line()),
               site.function_name(), what);
  std::abort();
}

}  // namespace

shared_queue& queue() noexcept {
  static shared_queue& it = *new shared_queue;
  return it;
}

scheduler::scheduler(runtime_options options)
    : options_(std::move(options)),
      cpus_(queue().order != nullptr ? 1
            : options_.cpus != 0     ? options_.cpus
                                     : default_cpus()) {
  if (cpus_ > max_cpus) throw std::invalid_argument("async::runtime: too many CPUs");
  handle_forks();
  if (queue().in_use.exchange(true)) {
    throw std::logic_error("async::runtime: another runtime exists");
  }
  queue().stopping.store(false);
}

scheduler::~scheduler() {
  queue().stopping.store(true);
  queue().in_use.store(false);
}

void scheduler::start(bool caller_works) {
  if (started()) throw std::logic_error("async::runtime: it runs already");
  if (!caller_works && queue().order != nullptr) {
    throw std::logic_error("async::runtime: an exploration has run() only");
  }
#if defined(ASYNC_UNIPROCESSOR)
  if (!caller_works || cpus_ != 1) {
    throw std::logic_error("async::runtime: a uniprocessor build has run() on one CPU only");
  }
#endif
  if (options_.pin && cpus_ > 1) {
    pins_ = allowed_cpus();
    if (pins_.size() != cpus_) pins_.clear();
  }
  for (unsigned i = 0; i < cpus_; ++i) workers_.push_back(std::make_unique<worker>(*this, i));
  queue().parking.open(cpus_, options_.waiter);
  before_all_fibers();
  queue().running.store(true);
  watch_workers(*this);
  try {
    for (unsigned i = caller_works ? 1 : 0; i < cpus_; ++i) {
      threads_.emplace_back([this, i] {
        leave_thread_unobserved();
        run_thread(i);
      });
    }
  } catch (...) {
    queue().stopping.store(true);
    finish();
    throw;
  }
}

void scheduler::run_thread(unsigned index) {
  if (!pins_.empty()) pin_this_thread(pins_[index]);
  workers_[index]->work();
}

void scheduler::work() {
  const affinity_guard restore;
  run_thread(0);
}

run_summary scheduler::finish() {
  queue().parking.wake_all();
  for (worker_thread& thread : threads_) thread.join();
  threads_.clear();
  forget_workers();
  const watched_wait destruction("the destruction of callbacks that have not run", options_.waiter);
  after_all_fibers();
  queue().running.store(false);
  run_summary summary;
  for (const auto& worker : workers_) summary.ran += worker->ran();
  summary.destroyed = destroy_pending();
  workers_.clear();
  queue().stopping.store(false);
  runtime_finished();
  measured_runtime_finished();
  return summary;
}

static block_size destroy_closure(task* t) noexcept {
  const observed closure;
  happens_after(t);
  return t->act(t, action::destroy);
}

// With no worker running. Destructors of closures may post again: until nothing is left.
std::uint64_t scheduler::destroy_pending() noexcept {
  const worker_context context;
  const std::uint64_t reapers_before = reapers_run;
  std::uint64_t tasks = 0;
  const auto destroy = [&tasks](color_state* color) {
    do {
      while (task* const t = color->mail.pop()) {
        color->mail.retire(t, destroy_closure(t));
        ++tasks;
      }
    } while (!color->relinquish());
  };
  for (const auto& worker : workers_) {
    while (color_state* const color = worker->take_leftover()) destroy(color);
  }
  color_state* color;
  while (queue().posted.take(&color, 1) != 0) destroy(color);
  return tasks - (reapers_run - reapers_before);
}

void scheduler::drain() noexcept {
  const watched_wait end("drain() to return", options_.waiter);
  sync::parker self;
  queue().parking.drain(self, [this] { return has_work(); });
  after_all_fibers();
}

// What the watchdog looks at is in none of the queues. If it was taken after `looks` was read here,
// or put back before it is read once more, then that is another number.
bool scheduler::has_work() const noexcept {
  // acquire: the queues are read after it.
  const unsigned looks = queue().looks.load(std::memory_order_acquire);
  if (queue().stopping.load(std::memory_order_relaxed) || !queue().posted.empty()) return true;
  for (const auto& worker : workers_) {
    if (worker->has_work()) return true;
  }
  sync::fence();  // the queues are read before it
  return looks % 2 != 0 || queue().looks.load(std::memory_order_relaxed) != looks;
}

bool scheduler::needs_a_worker() noexcept {
  const std::uint64_t terms = terms_.load(std::memory_order_relaxed);
  const bool same_terms = std::exchange(watched_terms_, terms) == terms;
  bool needed = same_terms && options_.waiter != nullptr && !led();
  for (const auto& worker : workers_) needed = worker->is_stuck() || needed;  // each one looks
  return needed;
}

void scheduler::handle_exception(where site) noexcept {
  const std::exception_ptr exception = std::current_exception();
  if (options_.on_exception) return options_.on_exception(exception, site);
  if (queue().order == nullptr) die_of_exception(exception, site);
  queue().order->failed(exception, site);
  stop();
}

}  // namespace async::detail
