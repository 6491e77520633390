// The time limits of streams: the wheel by itself, with numbers for time; and streams under a clock
// of the test's.
#include <atomic>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "async/aios.h"
#include "async/detail/deadline_wheel.h"
#include "async/detail/deadlines.h"
#include "tests/async/certificates.h"
#include "tests/async/streams.h"

namespace async::test {
namespace {

using detail::deadline_entry;
using detail::deadline_wheel;
using detail::deadlines;
using detail::wheel_time;

TEST(deadline_wheel_test, entries_come_up_after_their_time_and_within_a_slot_of_it) {
  prng random = make_prng();
  deadline_wheel wheel;
  struct timed : deadline_entry {
    wheel_time at = 0;
  };
  std::vector<timed> entries(1000);
  wheel_time now = 12'345;
  for (timed& e : entries) {
    e.at = now + random() % 14'000;
    wheel.add(e, e.at, now);
    now += random() % 3;
  }
  std::size_t came = 0;
  while (!wheel.empty()) {
    const wheel_time next = wheel.next();
    now = std::max(now, next - random() % 2);
    wheel.advance(now, [&](deadline_entry& entry) {
      const auto& e = static_cast<timed&>(entry);
      EXPECT_GE(now, e.at);
      EXPECT_LE(now, std::max(e.at, wheel_time{0}) + 3000 + 2 * deadline_wheel::slot_length);
      ++came;
    });
  }
  EXPECT_EQ(came, entries.size());
}

TEST(deadline_wheel_test, one_that_is_far_away_comes_up_early_to_be_put_back) {
  deadline_wheel wheel;
  deadline_entry far;
  wheel.add(far, 1'000'000, 0);
  EXPECT_EQ(wheel.next(), deadline_wheel::slots * deadline_wheel::slot_length);
  wheel.remove(far);
  EXPECT_TRUE(wheel.empty());
  EXPECT_FALSE(deadline_wheel::has(far));
}

std::atomic<wheel_time> fake_now;

class aios_limits : public each_cpu_count {
 protected:
  aios_limits() {
    fake_now = deadlines::real_clock();
    deadlines::set_clock([]() noexcept { return fake_now.load(); });
  }
  ~aios_limits() override { deadlines::set_clock(&deadlines::real_clock); }

  // Time passes, in steps, as far as the streams know.
  static void pass(wheel_time ms) {
    for (; ms > 0; ms -= std::min<wheel_time>(ms, 100)) {
      fake_now += std::min<wheel_time>(ms, 100);
      deadlines::shared().ring();
    }
  }

  connected pair;
  ref<aios_options> options = make_ref<aios_options>();
};
ASYNC_TEST_EACH_CPU_COUNT(aios_limits);

using namespace std::chrono_literals;

TEST_P(aios_limits, a_read_is_timed_out_though_bytes_trickle_in_and_the_stream_goes_on) {
  options->read_limit = 1000ms;
  const auto io = aios::make(pair.ours, options);
  int reads = 0;
  std::function<void()> trickle;
  io->read_line(100, wrap([&](aios_read& r) {
                  ++reads;
                  EXPECT_EQ(status_name(r.status()), "timed_out");
                  EXPECT_EQ(r.error(), std::errc::timed_out);
                  pair.send("\n");
                  io->read_line(100, wrap([&](aios_read& again) {
                                  ++reads;
                                  EXPECT_EQ(status_name(again.status()), "done");
                                  stop();
                                }));
                }));
  trickle = [&] {
    if (reads != 0) return;
    pair.send("x");
    pass(64);
    cpucb(wrap(trickle));
  };
  cpucb(wrap(trickle));
  run();
  EXPECT_EQ(reads, 2);
}

TEST_P(aios_limits, a_stream_is_idle_only_if_nothing_comes) {
  options->idle_limit = 10'000ms;
  const auto io = aios::make(pair.ours, options);
  std::vector<std::string> got;
  wheel_time last = 0;
  std::function<void()> next = [&] {
    last = fake_now;
    io->read_any(1, wrap([&](aios_read& r) {
                   got.push_back(status_name(r.status()));
                   if (!r) return stop();
                   next();
                 }));
  };
  next();
  int left = 5;
  std::function<void()> go_on = [&] {
    if (static_cast<int>(got.size()) == 5 - left && left != 0) {
      pass(9'000);
      --left;
      pair.send("x");
    }
    if (left == 0 && got.size() == 5) pass(500);
    if (got.size() < 6) cpucb(wrap(go_on));
  };
  cpucb(wrap(go_on));
  run();
  EXPECT_EQ(got, (std::vector<std::string>{"done", "done", "done", "done", "done", "timed_out"}));
  EXPECT_GE(fake_now - last, 10'000u);
  EXPECT_EQ(io->error(), std::errc::timed_out);
}

TEST_P(aios_limits, a_peer_that_takes_nothing_fails_the_stream_and_what_was_queued_is_freed) {
  options->write_limit = 1000ms;
  const auto io = aios::make(pair.ours, options);
  std::vector<std::string> told_of;
  io->read_any(1, wrap([&](aios_read& r) {
                 told_of.push_back("read " + status_name(r.status()));
                 if (told_of.size() == 2) stop();
               }));
  io->write(std::string(10'000'000, 'x'));
  io->when_written(wrap([&](std::error_code failed) {
    EXPECT_EQ(failed, std::errc::timed_out);
    EXPECT_EQ(io->queued(), 0u);
    told_of.push_back("write failed");
    if (told_of.size() == 2) stop();
  }));
  std::function<void()> wait = [&] {
    pass(100);
    if (told_of.size() < 2) cpucb(wrap(wait));
  };
  cpucb(wrap(wait));
  run();
  EXPECT_EQ((std::set<std::string>(told_of.begin(), told_of.end())),
            (std::set<std::string>{"read timed_out", "write failed"}));
}

TEST_P(aios_limits, a_peer_that_does_not_shake_hands_fails_the_stream) {
  certificates files;
  options->handshake_limit = 1000ms;
  const auto context = tls_context::server({.identity = files.identity("example.org", "server")});
  const auto io = tls_accept(pair.ours, context, options);
  bool over = false;
  io->read_line(100, wrap([&](aios_read& r) {
                  EXPECT_EQ(status_name(r.status()), "timed_out");
                  over = true;
                  stop();
                }));
  pair.send("\x16");  // the first byte of a record, and then nothing
  std::function<void()> wait = [&] {
    pass(100);
    if (!over) cpucb(wrap(wait));
  };
  cpucb(wrap(wait));
  run();
}

// The timers' clock is exact and the streams' is coarse: by that it may still be before the time.
TEST_P(aios_limits, are_kept_if_the_timer_rings_when_the_coarse_clock_is_still_before_the_time) {
  options->read_limit = 1ms;
  const auto io = aios::make(pair.ours, options);
  bool timed_out = false;
  io->read_any(1, wrap([&](aios_read& r) {
                 timed_out = r.status() == aios_status::timed_out;
                 stop();
               }));
  post(color(), [&] {  // behind what sets the timer of the limits, at most two slots ahead
    delaycb(std::chrono::milliseconds(2 * deadline_wheel::slot_length + 1), wrap([&] {
              EXPECT_FALSE(timed_out);
              fake_now += 1000;
            }));
  });
  run();
  EXPECT_TRUE(timed_out);
}

TEST_P(aios_limits, that_come_later_count_from_then) {
  // A day after the streams' stamps were 0.
  fake_now = (fake_now | 0xffff'ffff) + 86'400'000;
  const auto io = aios::make(pair.ours);
  wheel_time given = 0, timed_out = 0;
  io->read_any(1, wrap([&](aios_read& r) {
                 if (r.status() == aios_status::timed_out) timed_out = fake_now;
                 stop();
               }));
  post(color(), [&] {
    given = fake_now;
    options->read_limit = options->idle_limit = 1000ms;
    io->set_options(options);
    pass(500);
    post(color(), [&] { pass(1000); });  // behind a look, if there is one
  });
  run();
  EXPECT_GE(timed_out, given + 1000);
}

TEST_P(aios_limits, go_on_in_the_next_amain_when_a_stop_has_destroyed_what_the_timer_posted) {
  options->read_limit = 1ms;
  const auto io = aios::make(pair.ours, options);
  bool timed_out = false;
  io->read_any(1, wrap([&](aios_read& r) {
                 timed_out = r.status() == aios_status::timed_out;
                 stop();
               }));
  post(color(), [] { stop(); });
  run();  // sets the timer
  post(color(), [] { stop(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(2 * deadline_wheel::slot_length + 1));
  select_waiter().poll();  // it has expired
  EXPECT_NE(run().destroyed, 0u);
  fake_now += 1000;
  run();
  EXPECT_TRUE(timed_out);
}

TEST_P(aios_limits, go_on_in_the_next_amain_when_a_stop_has_destroyed_the_look_at_them) {
  options->read_limit = 1000ms;
  const auto io = aios::make(pair.ours, options);
  bool timed_out = false;
  io->read_any(1, wrap([&](aios_read& r) {
                 timed_out = r.status() == aios_status::timed_out;
                 stop();
               }));
  post(color(), [&] {
    stop();
    pass(2000);
  });
  run();
  ASSERT_FALSE(timed_out);
  post(color(), [] { fake_now += 1000; });
  run();
  EXPECT_TRUE(timed_out);
}

}  // namespace
}  // namespace async::test
