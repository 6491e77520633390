// The timer loads on the library (stages 1 to 5): in a callback of the default color, as in a
// program, on one CPU. Each timer has a callback of its own, made by wrap when it is set.

#include "async/main.h"
#include "async/timer.h"
#include "bench/timers/timer_load.h"
#include "mp/color.h"

namespace bench {
namespace {

class ours_run {
 public:
  ours_run(const timer_load& load, bool cancelling_only)
      : load_(load), cancelling_only_(cancelling_only), left_(load.due.size()) {}

  timing run() {
    async::post(async::color(), [this] { set_timers(); });
    async::amain(async::runtime_options{.cpus = 1});
    return took_;
  }

 private:
  void set_timers() {
    timers_.reserve(load_.due.size());
    watch_.restart();
    const auto start = std::chrono::steady_clock::now();
    for (const auto due : load_.due)
      timers_.push_back(async::timecb(start + due, async::wrap(this, &ours_run::on_due)));
    if (load_.end == fate::fire) return;
    if (cancelling_only_) watch_.restart();
    for (const std::uint32_t i : load_.order) {
      async::timecb_remove(timers_[i]);
      timers_[i] = nullptr;
    }
    end();
  }

  void on_due() {
    if (--left_ == 0) end();
  }

  void end() {
    took_ = watch_.elapsed();
    async::stop();
  }

  const timer_load& load_;
  const bool cancelling_only_;
  std::size_t left_;
  std::vector<async::timecb_t> timers_;
  stopwatch watch_;
  timing took_{};
};

}  // namespace

timing run_timers_on_ours(const timer_load& load, bool cancelling_only) {
  return ours_run(load, cancelling_only).run();
}

}  // namespace bench
