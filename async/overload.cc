// See overload.h. Serves stages 3 to 5.
#include "async/overload.h"

#include <algorithm>
#include <utility>

#include "wrap/wrap.h"

namespace async {

using clock = load_shedder::clock;
using std::chrono::nanoseconds;

namespace {

// How long after an overload the next one is soon found.
constexpr int wary_intervals = 10;

nanoseconds::rep number(clock::time_point at) noexcept {
  return nanoseconds(at.time_since_epoch()).count();
}

}  // namespace

bool load_shedder::should_shed(clock::time_point since, clock::time_point now) noexcept {
  const nanoseconds::rep wait = nanoseconds(now - since).count();
  const nanoseconds::rep end = end_.load(std::memory_order_relaxed);
  if (overloaded() && wait <= options_.target.count()) {
    overloaded_.store(false, std::memory_order_relaxed);
    begin_interval(end, number(now), wait);
  } else if (number(now) >= end) {
    begin_interval(end, number(now), wait);
  } else if (wait < least_.load(std::memory_order_relaxed)) {
    least_.store(wait, std::memory_order_relaxed);
  }
  return overloaded() && wait > 2 * options_.target.count();
}

void load_shedder::begin_interval(nanoseconds::rep end, nanoseconds::rep now,
                                  nanoseconds::rep wait) noexcept {
  const nanoseconds::rep interval = options_.interval.count(), target = options_.target.count();
  // This thread ends the interval; it is set right below.
  if (!end_.compare_exchange_strong(end, now + interval, std::memory_order_relaxed)) return;
  const nanoseconds::rep least = least_.exchange(wait, std::memory_order_relaxed);
  // Nobody came for a whole interval: the queue was empty.
  const bool was_idle = now - end >= interval;
  const bool is_overloaded = !was_idle && least > target && wait > target;
  overloaded_.store(is_overloaded, std::memory_order_relaxed);
  if (is_overloaded) {
    wary_.store(now + wary_intervals * interval, std::memory_order_relaxed);
  } else if (now < wary_.load(std::memory_order_relaxed)) {
    end_.store(now + std::min(interval, 2 * target), std::memory_order_relaxed);
  }
}

// Held by its timer, under whose color it runs.
class queue_probe::impl : public refcount {
  // What the timer's callback has bound: if a stop destroys that unrun, the timer is set again.
  class tick : public refcount {
   public:
    explicit tick(ref<impl> probe) noexcept : probe_(std::move(probe)) {}
    ~tick() override {
      if (!came_) probe_->go_on();
    }
    void come() {
      came_ = true;
      probe_->expired();
    }

   private:
    const ref<impl> probe_;
    bool came_ = false;
  };

 public:
  explicit impl(nanoseconds period) : period_(period) {}

  void set() {
    due_.store(number(steady_now() + period_), std::memory_order_relaxed);
    delaycb(period_, cwrap(color_, make_ref<tick>(mkref(this)), &tick::come));
  }

  void stop() noexcept { stopped_.store(true, std::memory_order_relaxed); }

  nanoseconds delay(clock::time_point now) const noexcept {
    return nanoseconds(std::max(last_.load(std::memory_order_relaxed),
                                number(now) - due_.load(std::memory_order_relaxed)));
  }

 private:
  void expired() {
    last_.store(number(steady_now()) - due_.load(std::memory_order_relaxed),
                std::memory_order_relaxed);
    go_on();
  }

  void go_on() {
    if (!stopped_.load(std::memory_order_relaxed)) set();
  }

  const nanoseconds period_;
  const color color_ = color::fresh();
  // Each is right by itself: all use is relaxed.
  std::atomic<nanoseconds::rep> due_{0};   // when the timer should run
  std::atomic<nanoseconds::rep> last_{0};  // how late it was
  std::atomic<bool> stopped_{false};
};

queue_probe::queue_probe(nanoseconds period) : impl_(make_ref<impl>(period)) { impl_->set(); }

queue_probe::~queue_probe() { impl_->stop(); }

nanoseconds queue_probe::delay(clock::time_point now) const noexcept { return impl_->delay(now); }

}  // namespace async
