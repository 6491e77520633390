// Registrations from many colors at once, for the sanitizers: everything is set, replaced,
// cancelled and fires at the same time.
#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "tests/async/helpers.h"
#include "tests/support/support.h"

namespace async::test {
namespace {

class stress : public each_cpu_count {};
ASYNC_TEST_EACH_CPU_COUNT(stress);

// One color's own pipe and timers: all of its members are touched by its callbacks only, which is
// what the sanitizer checks.
class actor : public refcount {
 public:
  actor(std::uint64_t stream, std::function<void()> done)
      : random_(make_prng(stream)), done_(std::move(done)), pipe_(std::make_unique<test_pipe>()) {}

  const color mine = color::fresh();

  void step() {
    if (++steps_ == 400) return finish();
    switch (random_() % 6) {
      case 0:
        fdcb(pipe_->in(), selread, cwrap(mine, mkref(this), &actor::readable));
        break;
      case 1:
        fdcb(pipe_->in(), selread, nullptr);
        break;
      case 2:
        pipe_->put();
        break;
      case 3:
        removed_ = make_ref<bool>(false);
        timer_ = delaycb(std::chrono::microseconds(random_() % 50),
                         cwrap(mine, mkref(this), &actor::tick, ref<bool>(removed_)));
        break;
      case 4:
        timecb_remove(timer_);
        if (removed_) *removed_ = true;
        break;
      case 5:
        fdcb(pipe_->in(), selread, nullptr);
        pipe_ = std::make_unique<test_pipe>();
    }
    post(mine, [self = mkref(this)] { self->step(); });
  }

 private:
  void readable() {
    ++events_;
    if (random_() % 2 == 0) pipe_->drain();
  }
  void tick(const ref<bool>& removed) {
    EXPECT_FALSE(*removed) << "a removed timer ran";
    ++events_;
  }
  void finish() {
    fdcb(pipe_->in(), selread, nullptr);
    timecb_remove(timer_);
    done_();
  }

  prng random_;
  const std::function<void()> done_;
  std::unique_ptr<test_pipe> pipe_;
  timecb_t timer_;
  ptr<bool> removed_;  // whether timer_ was
  int steps_ = 0;
  std::uint64_t events_ = 0;
};

TEST_P(stress, many_colors_set_and_cancel_fds_and_timers) {
  int left = 40;
  const color counter = color::fresh();
  const auto done = [&] {
    post(counter, [&] {
      if (--left == 0) stop();
    });
  };
  for (std::uint64_t i = 0; i < 40; ++i) {
    const auto a = make_ref<actor>(i, done);
    post(a->mine, [a] { a->step(); });
  }
  run();
  EXPECT_EQ(left, 0);
}

// One pipe that several colors fight over: whoever clears it last wins, and nothing is freed early.
TEST_P(stress, many_colors_replace_each_others_callback) {
  test_pipe p;
  p.put();
  std::atomic<int> calls{0}, left{8};
  {
    std::vector<std::function<void()>> steps(8);
    for (int i = 0; i < 8; ++i) {
      const color c = color::fresh();
      steps[static_cast<std::size_t>(i)] = [&, i, c, n = 0]() mutable {
        if (++n == 500) {
          if (--left == 0) stop();
          return;
        }
        if (n % 3 == 0) {
          fdcb(p.in(), selread, nullptr);
        } else {
          fdcb(p.in(), selread, cwrap(c, [&, c] {
                 EXPECT_TRUE(c.is_current());
                 ++calls;
               }));
        }
        post(c, [&steps, i] { steps[static_cast<std::size_t>(i)](); });
      };
      post(c, [&steps, i] { steps[static_cast<std::size_t>(i)](); });
    }
    run();
    fdcb(p.in(), selread, nullptr);
    post(color(), [] { stop(); });
    run();
  }
  EXPECT_EQ(left, 0);
}

TEST_P(stress, a_hundred_conversations_exchange_messages) {
  constexpr int count = 100, rounds = 30;
  const int listening = tcp_listen(0, "127.0.0.1", 4096);
  ASSERT_GE(listening, 0);
  // Each side answers each byte with a byte.
  struct side : refcount {
    side(int fd, std::function<void()> over) : fd_(fd), over_(std::move(over)) {
      fdcb(fd_, selread, cwrap(color::fresh(), this, &side::readable));
    }
    ~side() override { close(fd_); }
    void readable() {
      char c;
      const ssize_t n = read(fd_, &c, 1);
      if (n < 0) return;
      if (n == 1 && ++seen_ < rounds) {
        EXPECT_EQ(write(fd_, &c, 1), 1);
        return;
      }
      if (n == 1) shutdown(fd_, SHUT_WR);
      if (n == 0 || seen_ == rounds) {
        const auto self = mkref(this);
        fdcb(fd_, selread, nullptr);
        shutdown(fd_, SHUT_WR);
        over_();
      }
    }
    const int fd_;
    int seen_ = 0;
    const std::function<void()> over_;
  };
  std::vector<ref<side>> sides;
  std::atomic<int> over{0};
  const auto one_over = [&] {
    if (++over == 2 * count) stop();
  };
  acceptor door(listening, wrap([&](int fd) {
                  ASSERT_GE(fd, 0);
                  sides.push_back(make_ref<side>(fd, one_over));
                }));
  for (int i = 0; i < count; ++i) {
    tcpconnect("127.0.0.1", local_port(listening), wrap([&](int fd) {
                 ASSERT_GE(fd, 0);
                 sides.push_back(make_ref<side>(fd, one_over));
                 EXPECT_EQ(write(fd, "m", 1), 1);
               }));
  }
  run();
  EXPECT_EQ(over, 2 * count);
}

}  // namespace
}  // namespace async::test
