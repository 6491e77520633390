// What the concurrent core (mailbox.h, ring.h, parking.h) needs of the machine. The core's
// templates take it as their parameter `Sync`, so that a test can run them under a schedule of its
// own making (tests/mp/explore); `sync` here is the real one.
//
// In a uniprocessor build (ASYNC_UNIPROCESSOR) there is one worker and no other thread may post, so
// atomics are plain and fences are nothing. With ASYNC_VIRTUAL_CPUS the whole library is one whose
// CPUs and time are virtual (virtual_sync.h): what tells how fast a program would be on other CPUs
// runs the scheduler itself.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <mutex>

#include "wrap/detail/atom.h"
#include "wrap/detail/sanitizers.h"

#if defined(ASYNC_VIRTUAL_CPUS)
#include "mp/detail/virtual_sync.h"
#endif

namespace async::detail {

// A binary semaphore on which one thread sleeps and any thread wakes it. A wake that comes first is
// kept, so it can't be lost.
class parker {
 public:
  // Returns once signal() has been called; takes that signal back.
  void wait() noexcept {
#if defined(__SANITIZE_THREAD__)
    // ThreadSanitizer keeps a signal back until the thread's next atomic. One that came right
    // before the system call would be kept for as long as the sleep lasts.
    while (!wait_for(std::chrono::milliseconds(50))) {}
#else
    while (!take_signal()) futex(FUTEX_WAIT_PRIVATE, 0, nullptr);
#endif
  }

  // The same, but for at most `timeout`. Whether a signal was taken.
  bool wait_for(std::chrono::nanoseconds timeout) noexcept {
    if (take_signal()) return true;
    const std::timespec relative{
        .tv_sec = static_cast<std::time_t>(timeout.count() / 1'000'000'000),
        .tv_nsec = static_cast<long>(timeout.count() % 1'000'000'000)};
    futex(FUTEX_WAIT_PRIVATE, 0, &relative);
    return take_signal();
  }

  // Wakes the sleeper, or keeps the next wait() from sleeping. The parker may be gone as soon as
  // the sleeper sees the signal: the wake is sent to its address only.
  void signal() noexcept {
    signalled_.store(1, std::memory_order_release);
    futex(FUTEX_WAKE_PRIVATE, 1, nullptr);
  }

 private:
  // acquire: what the waker did before its signal is seen by the woken.
  bool take_signal() noexcept { return signalled_.exchange(0, std::memory_order_acquire) != 0; }

  void futex(int operation, int value, const std::timespec* timeout) noexcept {
    const int saved = errno;
    syscall(SYS_futex, &signalled_, operation, value, timeout, nullptr, 0);
    errno = saved;
  }

  std::atomic<int> signalled_{0};
  static_assert(sizeof(std::atomic<int>) == sizeof(int));
};

#if defined(ASYNC_VIRTUAL_CPUS)

using sync = virtual_sync;

#else

struct sync {
  template <class T>
  using atomic = atom<T>;
  using mutex = std::mutex;
  using parker = detail::parker;
  using clock = std::chrono::steady_clock;

  // A full fence: no later read may be made before an earlier write is seen by all.
  static void fence() noexcept {
#if defined(ASYNC_UNIPROCESSOR)
#elif defined(__SANITIZE_THREAD__)
    // ThreadSanitizer does not model fences; a read-modify-write is as strong.
    static std::atomic<int> anything;
    anything.fetch_add(0, std::memory_order_seq_cst);
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  }

  // Tells the CPU that this is a spin loop.
  static void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }
};

#endif

}  // namespace async::detail
