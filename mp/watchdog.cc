// Starting and ending the watchdog, its thread, and the table on a signal: see watchdog.h.
#include "mp/watchdog.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "mp/detail/cpus.h"
#include "mp/detail/fibers.h"
#include "mp/detail/hang_watch.h"
#include "mp/detail/metrics_session.h"
#include "mp/detail/observers.h"
#include "mp/detail/trace_clock.h"
#include "mp/detail/watchdog_control.h"

namespace async {
namespace detail {

constinit std::atomic<bool> watchdog_on{false};

namespace {

using namespace std::chrono_literals;

struct watchdog_state {
  std::mutex starting;  // held by watchdog_start() and watchdog_stop(); guards thread and bell
  std::thread thread;

  std::mutex mutex;
  // Guarded by mutex.
  std::optional<hang_watch> watch;  // while it is on
  std::function<void(const std::string&)> report;
  scheduler* runtime = nullptr;  // that has workers
  watched_wait* waits = nullptr;
  bool leaving = false;  // the thread is to end
};

// Never destroyed: the thread goes on while the program exits.
watchdog_state& the_watchdog() noexcept {
  static watchdog_state& it = *new watchdog_state;
  return it;
}

// An eventfd that wakes the thread: 1 is a change, more is a wish for the table. -1 if there is
// none. Written by who starts the watchdog the first time.
constinit std::atomic<int> bell{-1};
constexpr std::uint64_t a_change = 1;
constexpr std::uint64_t the_table = std::uint64_t{1} << 32;

void ring_bell(std::uint64_t what) noexcept {
  const int fd = bell.load(std::memory_order_acquire);  // it is there before it is rung
  if (fd >= 0) static_cast<void>(!write(fd, &what, sizeof what));
}

void signalled(int) noexcept {
  const int saved = errno;
  ring_bell(the_table);
  errno = saved;
}

void say_to_standard_error(const std::string& text) {
  std::fprintf(stderr, "%s: watchdog: %s", program_invocation_short_name, text.c_str());
}

// What is found goes to the report when no lock is held, so that it may call hang_report().
void say_all(const std::vector<std::string>& said,
             const std::function<void(const std::string&)>& report) {
  for (const std::string& text : said) report ? report(text) : say_to_standard_error(text);
}

std::chrono::nanoseconds interval_of(std::chrono::nanoseconds limit) noexcept {
  return std::min<std::chrono::nanoseconds>(limit / 8, 250ms);
}

// Sleeps until it is time to look, or something is wanted. Whether that is the table.
bool sleep_until_wanted(std::optional<std::chrono::nanoseconds> interval) noexcept {
  pollfd fd{.fd = bell.load(std::memory_order_relaxed), .events = POLLIN, .revents = 0};
  timespec time{};
  if (interval) {
    time.tv_sec = static_cast<std::time_t>(interval->count() / 1'000'000'000);
    time.tv_nsec = static_cast<long>(interval->count() % 1'000'000'000);
  }
  if (ppoll(&fd, 1, interval ? &time : nullptr, nullptr) <= 0) return false;
  std::uint64_t wanted = 0;
  return read(fd.fd, &wanted, sizeof wanted) == sizeof wanted && wanted >= the_table;
}

void run_watchdog() {
  leave_thread_unobserved();
  unpin_this_thread();
  pthread_setname_np(pthread_self(), "async-watchdog");
  watchdog_state& s = the_watchdog();
  std::optional<std::chrono::nanoseconds> interval = 0ns;
  for (;;) {
    const bool table = sleep_until_wanted(interval);
    std::vector<std::string> said;
    std::function<void(const std::string&)> report;
    try {
      const std::lock_guard lock(s.mutex);
      if (s.leaving) return;
      const auto now = std::chrono::steady_clock::now();
      if (table) said.push_back("the table\n" + s.watch->table(s.runtime, s.waits, now));
      s.watch->look(s.runtime, s.waits, now, said);
      const bool any = s.runtime != nullptr || s.waits != nullptr;
      interval = any ? std::optional(interval_of(s.watch->limit())) : std::nullopt;
      report = s.report;
    } catch (const std::bad_alloc&) {
      continue;  // at the next look, perhaps
    }
    say_all(said, report);
    if (table) write_metrics_of_environment();
  }
}

void start_thread(watchdog_state& s) {
  if (bell.load() < 0) {
    const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) throw std::system_error(errno, std::system_category(), "eventfd");
    bell.store(fd);
  }
  // Made here, and not by the thread: if another one forks while a static variable is being made,
  // the child waits for it forever.
  static_cast<void>(allowed_cpus());
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // it is to take no signals
  try {
    s.thread = std::thread(run_watchdog);
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// In a forked child: there is no such thread, and its state may have been in use.
void forget_watchdog() noexcept {
  watchdog_on.store(false);
  forget_observers();
  if (const int fd = bell.exchange(-1); fd >= 0) close(fd);  // it is the parent's
  ::new (&the_watchdog()) watchdog_state;
  cpu_status::after_fork();
}

void turn_watchdog_on(watchdog_state& s, watchdog_options options) {
  static const int has_handler = pthread_atfork(nullptr, nullptr, forget_watchdog);
  static_cast<void>(has_handler);
  trace_clock::begin();  // as in start_thread()
  const std::lock_guard lock(s.mutex);
  s.watch.emplace(std::max<std::chrono::nanoseconds>(options.limit, 1ms));
  s.report = std::move(options.report);
  s.leaving = false;
  watchdog_on.store(true);
  turn_on(observer::watchdog);
}

bool is_default(int signal) noexcept {
  struct sigaction now;
  return sigaction(signal, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 &&
         now.sa_handler == SIG_DFL;
}

// 0 if that is no number of seconds.
double parse_seconds(const char* text) noexcept {
  double seconds = 0;
  const char* const end = text + std::strlen(text);
  const auto [behind, error] = std::from_chars(text, end, seconds);
  return error == std::errc() && behind == end && seconds >= 0.001 && seconds <= 1e6 ? seconds : 0;
}

// The thread is made when there is a runtime: a daemon forks before.
void start_watchdog_of_environment() noexcept {
  static const char* const text = secure_getenv("ASYNC_WATCHDOG");
  if (text == nullptr || *text == '\0') return;
  static std::atomic<bool> asked{false};
  if (asked.exchange(true)) return;
  try {
    const double seconds = parse_seconds(text);
    if (seconds == 0) {
      std::fprintf(stderr, "%s: ASYNC_WATCHDOG is ignored: not a number of seconds: %s\n",
                   program_invocation_short_name, text);
      return;
    }
    const std::chrono::duration<double> limit(seconds);
    watchdog_start({.limit = std::chrono::duration_cast<std::chrono::nanoseconds>(limit)});
    if (is_default(SIGUSR1)) table_on_signal(SIGUSR1);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: ASYNC_WATCHDOG: %s\n", program_invocation_short_name, e.what());
  }
}

}  // namespace

void watch_workers(scheduler& runtime) noexcept {
  if (queue().order != nullptr) return;  // an exploration
  watchdog_state& s = the_watchdog();
  start_watchdog_of_environment();
  {
    const std::lock_guard lock(s.mutex);
    s.runtime = &runtime;
  }
  ring_bell(a_change);
}

void forget_workers() noexcept {
  watchdog_state& s = the_watchdog();
  const std::lock_guard lock(s.mutex);
  s.runtime = nullptr;
  if (s.watch) s.watch->forget();
}

watched_wait::watched_wait(const char* what_for, idle_waiter* waiter) noexcept
    : what_for_(what_for), waiter_(waiter) {
  {
    const std::lock_guard lock(the_watchdog().mutex);
    next_ = std::exchange(the_watchdog().waits, this);
  }
  ring_bell(a_change);
}

watched_wait::~watched_wait() {
  const std::lock_guard lock(the_watchdog().mutex);
  watched_wait** place = &the_watchdog().waits;
  while (*place != this) place = &(*place)->next_;
  *place = next_;
}

void watch_without_thread(std::chrono::nanoseconds limit) {
  turn_watchdog_on(the_watchdog(), {.limit = limit});
}

std::vector<std::string> watchdog_look(std::chrono::steady_clock::time_point now) {
  std::vector<std::string> said;
  watchdog_state& s = the_watchdog();
  const std::lock_guard lock(s.mutex);
  if (s.watch) s.watch->look(s.runtime, s.waits, now, said);
  return said;
}

}  // namespace detail

void watchdog_start(watchdog_options options) {
  detail::watchdog_state& s = detail::the_watchdog();
  const std::lock_guard starting(s.starting);
  detail::turn_watchdog_on(s, std::move(options));
  if (s.thread.joinable()) {
    detail::ring_bell(detail::a_change);
    return;
  }
  try {
    detail::start_thread(s);
  } catch (...) {
    detail::watchdog_on.store(false);
    detail::turn_off(detail::observer::watchdog);
    throw;
  }
}

void watchdog_stop() noexcept {
  detail::watchdog_state& s = detail::the_watchdog();
  const std::lock_guard starting(s.starting);
  detail::watchdog_on.store(false);
  detail::turn_off(detail::observer::watchdog);
  {
    const std::lock_guard lock(s.mutex);
    s.leaving = true;
  }
  detail::ring_bell(detail::a_change);
  if (s.thread.joinable()) s.thread.join();
  const std::lock_guard lock(s.mutex);
  s.watch.reset();
  s.report = nullptr;
}

std::string hang_report() {
  detail::watchdog_state& s = detail::the_watchdog();
  const std::lock_guard lock(s.mutex);
  const auto now = std::chrono::steady_clock::now();
  if (s.watch) return s.watch->table(s.runtime, s.waits, now);
  return detail::hang_watch(std::chrono::seconds(1)).table(s.runtime, s.waits, now);
}

std::error_code table_on_signal(int signal) {
  struct sigaction action {};
  action.sa_handler = &detail::signalled;
  action.sa_flags = SA_RESTART;
  if (sigaction(signal, &action, nullptr) == 0) return {};
  return {errno, std::system_category()};
}

}  // namespace async
