// The select callback: see select_loop.h. Serves stages 1 to 3.
#include "async/detail/select_loop.h"

#include <fcntl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <new>
#include <utility>

#include "mp/clock.h"
#include "wrap/detail/misuse.h"
#include "wrap/detail/sanitizers.h"

#if defined(__SANITIZE_THREAD__)
extern "C" void AnnotateIgnoreReadsBegin(const char* file, int line);
extern "C" void AnnotateIgnoreReadsEnd(const char* file, int line);
#endif

namespace async::detail {

namespace {

stamp now() noexcept {
  static_assert(std::chrono::steady_clock::is_steady);
  return std::chrono::nanoseconds(steady_now().time_since_epoch()).count();
}

std::error_code system_code(int error) noexcept { return {error, std::system_category()}; }

struct ev_loop* make_loop() {
  struct ev_loop* const loop = ev_loop_new(EVFLAG_AUTO);
  if (loop == nullptr) throw std::system_error(system_code(errno), "ev_loop_new");
  return loop;
}

}  // namespace

class select_loop::change {
 public:
  explicit change(select_loop& loop) : loop_(loop), lock_(loop.mutex_) {}
  ~change() {
    const bool send = tell_ && loop_.leader_asleep_;
    lock_.unlock();
    if (send) ev_async_send(loop_.loop_, &loop_.wake_up_);
  }
  // The kernel has to be told, at the start of the next turn.
  void tell_leader() noexcept { tell_ = true; }

 private:
  select_loop& loop_;
  std::unique_lock<quiet_mutex> lock_;
  bool tell_ = false;
};

select_loop::select_loop() : loop_(make_loop()), timers_(*this) {
  ev_set_userdata(loop_, this);
  // The leader's sleep, and nothing else of its turn, is outside of the lock.
  ev_set_loop_release_cb(
      loop_,
      [](struct ev_loop* loop) noexcept {
        if (!of(loop).sleep_allowed_) return;
        of(loop).leader_asleep_ = true;
        of(loop).mutex_.unlock();
      },
      [](struct ev_loop* loop) noexcept {
        if (of(loop).sleep_allowed_) {
          of(loop).mutex_.lock();
          of(loop).leader_asleep_ = false;
        }
        of(loop).begin_unordered();
      });
  ev_set_invoke_pending_cb(loop_, [](struct ev_loop* loop) {
    of(loop).end_unordered();
    ev_invoke_pending(loop);
  });
  ev_async_init(&wake_up_, [](struct ev_loop*, ev_async*, int) {});
  ev_async_start(loop_, &wake_up_);
  ev_init(&alarm_, [](struct ev_loop* loop, ev_io*, int) { of(loop).timers_.alarm_rang(); });
  make_alarm();
  join();
}

select_loop& select_loop::of(struct ev_loop* loop) noexcept {
  return *static_cast<select_loop*>(ev_userdata(loop));
}

// When libev gets an event of an fd that nobody watches any more, it tells the kernel so, while the
// fd's owner, who has cleared the watch, may be closing it. The kernel orders the two, and either
// order is right; but ThreadSanitizer takes them for a race of the program's.
#if defined(__SANITIZE_THREAD__)

void select_loop::begin_unordered() noexcept {
  if (!std::exchange(unordered_, true)) AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
}
void select_loop::end_unordered() noexcept {
  if (std::exchange(unordered_, false)) AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

#else

void select_loop::begin_unordered() noexcept {}
void select_loop::end_unordered() noexcept {}

#endif

// The leader's turn.

void select_loop::turn(bool may_sleep) noexcept {
  const unobserved turn;
  if (alarm_.fd < 0) make_alarm();  // in a forked child; only the leader looks
  const bool sleep = may_sleep && may_sleep_now();
  event_list ready;
  {
    const std::lock_guard lock(mutex_);
    confirm_fds();
    sleep_allowed_ = sleep;
    ev_run(loop_, sleep ? EVRUN_ONCE : EVRUN_NOWAIT);
    ready.swap(ready_);
  }
  if (sleep) {
    timers_.end_sleep();
    take_wake_up();
  }
  if (timers_.earliest() != never) timers_.expire(now(), ready);
  take_handed_over(ready);
  post_all(ready);
}

bool select_loop::skip_to_timer() noexcept {
  const stamp next = timers_.earliest();
  if (next == never) return false;
  virtual_time.store(std::max(next, now()), std::memory_order_relaxed);
  return true;
}

bool select_loop::may_sleep_now() noexcept {
  if (take_wake_up()) return false;
  return timers_.prepare_sleep(timers_.earliest() == never ? 0 : now());
}

bool select_loop::take_wake_up() noexcept {
  // relaxed: a wake-up that is missed here is met before the next sleep.
  if (!woken_.load(std::memory_order_relaxed)) return false;
  // acquire: what was handed over before the wake-up is seen by this turn.
  return woken_.exchange(false, std::memory_order_acquire);
}

void select_loop::wake() noexcept {
  // release: what the caller handed over before. libev's own fences order this before its look at
  // whether the leader sleeps.
  woken_.store(true, std::memory_order_release);
  ev_async_send(loop_, &wake_up_);
}

#if defined(ASYNC_UNIPROCESSOR)
void select_loop::hand_over(event& e) noexcept {
  {
    const std::lock_guard lock(handed_over_mutex_);
    handed_over_.push_back(e);
    any_handed_over_.store(true, std::memory_order_relaxed);
  }
  wake();
}
#else
void select_loop::hand_over(event& e) noexcept { e.post(); }
#endif

void select_loop::take_handed_over(event_list& ready) noexcept {
  // relaxed: what we may miss here sends a wake-up, which this or the next sleep sees.
  if (!any_handed_over_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(handed_over_mutex_);
  any_handed_over_.store(false, std::memory_order_relaxed);
  ready.splice_after(ready.last(), handed_over_);
}

// File descriptors.

void select_loop::fd_ready(struct ev_loop* loop, ev_io* io, int events) {
  auto& w = *static_cast<fd_watch*>(io->data);
  if (!w.fire()) {
    ev_io_stop(loop, io);
    return;
  }
  // The kernel can't watch it now, and libev has stopped it: the callback has to try, and then we.
  if ((events & EV_ERROR) != 0) (void)w.fire();
  of(loop).ready_.push_back(w);
}

void select_loop::start(fd_watch& w) {
  unconfirmed_.push_back(w.io.fd);
  ev_io_start(loop_, &w.io);
}

// libev asserts that the kernel knows the fd; this is to name the culprit.
void select_loop::confirm_fds() noexcept {
  for (const int fd : unconfirmed_) {
    for (const fd_watch* w : registered_->fds[static_cast<std::size_t>(fd)].watch) {
      if (w != nullptr && fcntl(fd, F_GETFD) < 0) {
        misuse(w->site(), "the fd of this callback was closed while fdcb watched it");
      }
    }
  }
  unconfirmed_.clear();
}

std::error_code select_loop::watch(int fd, selop op, callback<void>::ptr cb) {
  if (op != selread && op != selwrite) return system_code(EINVAL);
  if (fd < 0 || (cb && fcntl(fd, F_GETFD) < 0)) return system_code(EBADF);
  std::unique_ptr<fd_watch> old;  // freed without the lock
  const auto index = static_cast<std::size_t>(fd);
  try {
    std::unique_ptr<fd_watch> fresh;
    if (cb) fresh = std::make_unique<fd_watch>(*this, fd, op, callback<void>::ref(std::move(cb)));
    if (fresh) happens_before(fresh.get());
    change change(*this);
    std::vector<fd_entry>& fds = registered_->fds;
    if (index >= fds.size()) {
      if (!fresh) return {};
      fds.resize(index + 1);
    }
    if (fresh) unconfirmed_.reserve(unconfirmed_.size() + 1);
    fd_watch*& slot = fds[index].watch[op];
    if (fd_watch* const w = std::exchange(slot, fresh.release())) {
      ev_io_stop(loop_, &w->io);
      if (w->clear()) old.reset(w);
    }
    if (slot != nullptr) {
      start(*slot);
      change.tell_leader();
    }
  } catch (const std::bad_alloc&) {
    return system_code(ENOMEM);
  }
  if (old) happens_after(old.get());
  return {};
}

bool select_loop::rearm(fd_watch& w) noexcept {
  change change(*this);
  if (!w.finish()) return false;
  start(w);
  change.tell_leader();
  return true;
}

// Signals.

namespace {

bool may_be_watched(int signal) noexcept {
  switch (signal) {
    case SIGKILL:
    case SIGSTOP:
    // A fault: after our handler the same instruction would fault again, forever.
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
      return false;
    default:
      return signal > 0 && signal < NSIG;
  }
}

}  // namespace

void select_loop::signal_came(struct ev_loop* loop, ev_signal* w, int) {
  auto& watch = *static_cast<signal_watch*>(w->data);
  if (watch.fire()) of(loop).ready_.push_back(watch);
}

std::error_code select_loop::watch_signal(int number, callback<void>::ptr cb) {
  if (!may_be_watched(number)) return system_code(EINVAL);
  ptr<signal_watch> fresh, old;  // dropped without the lock
  if (cb) {
    fresh = make_ref<signal_watch>(callback<void>::ref(std::move(cb)));
    if (sigaction(number, nullptr, &fresh->previous) != 0) return system_code(errno);
    ev_signal_init(&fresh->io, &select_loop::signal_came, number);
    fresh->io.data = fresh.get();
    happens_before(fresh.get());
  }
  {
    change change(*this);
    ptr<signal_watch>& slot = registered_->signals[static_cast<std::size_t>(number)];
    old = std::exchange(slot, fresh);
    // The new one first, so that the signal is caught all the time.
    if (fresh) ev_signal_start(loop_, &fresh->io);
    if (old) {
      old->clear();
      ev_signal_stop(loop_, &old->io);
      if (fresh) {
        fresh->previous = old->previous;
      } else {
        sigaction(number, &old->previous, nullptr);
      }
    }
  }
  if (old) happens_after(old.get());
  return {};
}

// The alarm clock.

void select_loop::make_alarm() {
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) throw std::system_error(system_code(errno), "timerfd_create");
  const std::lock_guard lock(mutex_);
  ev_io_set(&alarm_, fd, EV_READ);
  ev_io_start(loop_, &alarm_);
}

void select_loop::set(stamp at) noexcept {
  itimerspec when{};  // zero turns it off
  if (at != never) {
    constexpr stamp second = 1'000'000'000;
    if (at <= 0) at = 1;
    when.it_value.tv_sec = static_cast<std::time_t>(at / second);
    when.it_value.tv_nsec = static_cast<long>(at % second);
  }
  timerfd_settime(alarm_.fd, TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace async::detail
