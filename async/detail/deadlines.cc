// The time limits of all streams: see deadlines.h. Serves stages 1 and 3.
#include "async/detail/deadlines.h"

#include <time.h>

#include <chrono>
#include <utility>
#include <vector>

#include "async/aios.h"
#include "async/detail/aios_access.h"
#include "async/timer.h"
#include "mp/clock.h"

namespace async::detail {

wheel_time (*deadlines::clock_)() noexcept = &deadlines::real_clock;

wheel_time deadlines::real_clock() noexcept {
  // relaxed: see clock.h.
  if (const std::int64_t time = virtual_time.load(std::memory_order_relaxed); time != 0) {
    return static_cast<wheel_time>(time / 1'000'000);
  }
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<wheel_time>(now.tv_sec) * 1000 +
         static_cast<wheel_time>(now.tv_nsec) / 1000000;
}

deadlines& deadlines::shared() {
  static auto& all = *new deadlines;
  return all;
}

deadlines::deadlines() : wheel_(std::make_unique<deadline_wheel>()) { join(); }

void deadlines::add(aios& stream, std::uint32_t at) {
  const wheel_time current = now();
  const auto ahead = static_cast<std::int32_t>(at - static_cast<std::uint32_t>(current));
  wheel_time timer;
  {
    const std::lock_guard lock(mutex_);
    wheel_->add(aios_access::entry(stream),
                ahead > 0 ? current + static_cast<wheel_time>(ahead) : current, current);
    aios_access::hold(stream);
    timer = timer_to_set();
  }
  set_timer(timer);
}

bool deadlines::remove(aios& stream) noexcept {
  deadline_entry& entry = aios_access::entry(stream);
  {
    const std::lock_guard lock(mutex_);
    if (!deadline_wheel::has(entry)) return false;
    wheel_->remove(entry);
  }
  aios_access::let_go(stream);
  return true;
}

// Under the mutex: the time for which the caller has the duty to set a timer, or none.
wheel_time deadlines::timer_to_set() noexcept {
  if (wheel_->empty() || timer_at_ <= wheel_->next()) return no_timer;
  return timer_at_ = wheel_->next();
}

// What a timer's callback has bound: if a stop destroys that unrun, the timer is set again.
class deadlines::alarm : public refcount {
 public:
  explicit alarm(wheel_time at) noexcept : at_(at) {}
  ~alarm() override {
    if (!rang_) shared().set_timer(at_);
  }
  void ring() {
    rang_ = true;
    shared().rang(at_);
  }

 private:
  const wheel_time at_;
  bool rang_ = false;
};

void deadlines::set_timer(wheel_time at) {
  if (at == no_timer) return;
  const wheel_time current = now();
  delaycb(std::chrono::milliseconds(at > current ? at - current : 0),
          wrap(make_ref<alarm>(at), &alarm::ring));
}

// The timers' clock is exact and ours is coarse, so that it may still be before `at` for us. Then
// nobody is found, and the timer is to be set once more.
void deadlines::rang(wheel_time at) {
  {
    const std::lock_guard lock(mutex_);
    if (timer_at_ == at) timer_at_ = no_timer;
  }
  ring();
}

void deadlines::ring() {
  std::vector<aios*> due;
  wheel_time timer;
  {
    const std::lock_guard lock(mutex_);
    const wheel_time current = now();
    wheel_->advance(current, [&due](deadline_entry& e) { due.push_back(&aios_access::stream(e)); });
    if (timer_at_ <= current) timer_at_ = no_timer;
    timer = timer_to_set();
  }
  set_timer(timer);
  for (aios* stream : due) aios_access::look_at_deadlines(*stream);
}

// The parent's streams are never touched here, nor freed.
void deadlines::after_fork_in_child() noexcept {
  static_cast<void>(wheel_.release());
  wheel_ = std::make_unique<deadline_wheel>();
  timer_at_ = no_timer;
  mutex_.unlock();
}

}  // namespace async::detail
