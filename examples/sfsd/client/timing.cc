// See timing.h.
#include "examples/sfsd/client/timing.h"

#include "async/timer.h"
#include "mp/color.h"

namespace sfs {
namespace {

class real_timer final : public timing::timer {
 public:
  real_timer(timing::clock::duration delay, async::callback<void>::ref cb)
      : timer_(async::delaycb(delay, std::move(cb))) {}
  void cancel() noexcept override { async::timecb_remove(timer_); }

 private:
  async::timecb_t timer_;
};

class real_timing final : public timing {
 public:
  clock::time_point now() override { return clock::now(); }
  async::ref<timer> after(clock::duration delay, async::callback<void>::ref cb) override {
    return async::make_ref<real_timer>(delay, std::move(cb));
  }
  void soon(async::callback<void>::ref cb) override { async::cpucb(std::move(cb)); }
};

}  // namespace

timing& timing::real() {
  static real_timing only;
  return only;
}

}  // namespace sfs
