#include "virtual_cpus.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "mp/detail/virtual_sync.h"

namespace advisor {

namespace {

// Without what glibc's printf needs: a fiber runs the scheduler and the replay only.
constexpr std::size_t stack_size = 256 * 1024;

}  // namespace

[[noreturn]] static void die_stuck() {
  std::fputs("color-advisor: all virtual CPUs sleep, and nothing will wake one\n", stderr);
  std::abort();
}

machine* machine::here_ = nullptr;

machine::machine(const wake_costs& costs) : costs_(costs) {
  if (here_ != nullptr) throw std::logic_error("another virtual machine exists");
  fibers_.push_back(std::make_unique<fiber>());
  due_.push_back(0);
  here_ = this;
}

machine::~machine() {
  for (const auto& f : fibers_) {
    if (f->stack != nullptr) munmap(f->stack, stack_size);
  }
  here_ = nullptr;
}

std::size_t machine::start(std::function<void()> body) {
  auto made = std::make_unique<fiber>();
  made->stack = mmap(nullptr, stack_size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (made->stack == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(), "the stack of a virtual CPU");
  }
  made->now = now();
  made->body = std::move(body);
  getcontext(&made->context);
  made->context.uc_stack.ss_sp = made->stack;
  made->context.uc_stack.ss_size = stack_size;
  made->context.uc_link = nullptr;
  makecontext(&made->context, &machine::enter, 0);
  due_.push_back(made->now);
  fibers_.push_back(std::move(made));
  return fibers_.size() - 1;
}

void machine::enter() {
  machine& m = here();
  fiber& self = *m.fibers_[m.running_];
  self.body();
  self.body = nullptr;
  self.over = true;
  if (self.joiner != m.running_) m.hurry(self.joiner, self.now);
  m.due_[m.running_] = forever;
  m.switch_to_next();  // for good
}

void machine::join(std::size_t f) {
  while (!fibers_[f]->over) {
    fibers_[f]->joiner = running_;
    sleep_until(forever);
    if (stuck_) throw std::logic_error("a virtual CPU never ends");
  }
}

void machine::sleep_until(ns time) {
  fiber& self = *fibers_[running_];
  self.sleeps = true;
  due_[running_] = std::max(time, self.now);
  switch_to_next();
  self.sleeps = false;
  if (due_[running_] != forever) self.now = std::max(self.now, due_[running_]);
}

void machine::hurry(std::size_t f, ns time) noexcept {
  fiber& sleeper = *fibers_[f];
  if (sleeper.sleeps) due_[f] = std::min(due_[f], std::max(sleeper.now, std::max(time, now())));
}

void machine::wake(std::size_t f) noexcept {
  spend_quietly(costs_.call);
  hurry(f, now() + costs_.delay);
}

void machine::switch_to_next() {
  const auto first = std::min_element(due_.begin(), due_.end());
  std::size_t next = static_cast<std::size_t>(first - due_.begin());
  if (*first == forever) {
    stuck_ = true;
    next = 0;
  } else if (*first == due_[running_]) {
    next = running_;  // of equals, whoever runs already
  }
  if (next != running_) switch_to(next);
}

void machine::switch_to(std::size_t next) {
  using namespace async;
  fiber& from = *fibers_[running_];
  fiber& to = *fibers_[next];
  from.locals = {detail::current, detail::running, detail::posting_to_itself, detail::reapers_run};
  running_ = next;
  detail::current = to.locals.current;
  detail::running = to.locals.running;
  detail::posting_to_itself = to.locals.posting_to_itself;
  detail::reapers_run = to.locals.reapers_run;
  swapcontext(&from.context, &to.context);
}

}  // namespace advisor

namespace async::detail {

using advisor::machine;

void virtual_parker::wait() noexcept {
  while (!take_signal()) {
    sleeper_ = machine::here().running();
    machine::here().sleep_until(machine::forever);
    sleeper_ = nobody;
    if (machine::here().is_stuck()) advisor::die_stuck();
  }
}

bool virtual_parker::wait_for(std::chrono::nanoseconds timeout) noexcept {
  if (take_signal()) return true;
  sleeper_ = machine::here().running();
  machine::here().sleep_until(machine::here().now() + timeout.count());
  sleeper_ = nobody;
  return take_signal();
}

void virtual_parker::signal() noexcept {
  signalled_ = true;
  if (sleeper_ != nobody) machine::here().wake(sleeper_);
}

virtual_thread::virtual_thread(std::function<void()> body)
    : fiber_(machine::here().start(std::move(body))) {}

void virtual_thread::join() { machine::here().join(fiber_); }

virtual_sync::clock::time_point virtual_sync::clock::now() noexcept {
  machine::here().yield();
  return time_point(std::chrono::nanoseconds(machine::here().now()));
}

void virtual_sync::relax() noexcept {
  machine::here().spend_quietly(machine::here().costs().pause);
}

}  // namespace async::detail
