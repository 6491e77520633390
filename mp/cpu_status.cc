// What a worker says of itself: see detail/cpu_status.h.
#include "mp/detail/cpu_status.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mp/detail/trace_clock.h"

namespace async::detail {

namespace {

bool register_for_fences() noexcept {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

}  // namespace

bool cpu_status::kernel_fences = register_for_fences();

void cpu_status::after_fork() noexcept { kernel_fences = register_for_fences(); }

void cpu_status::open() noexcept {
  trace_clock::begin();
  clockid_t clock = 0;
  if (pthread_getcpuclockid(pthread_self(), &clock) == 0) {
    clock_.store(clock, std::memory_order_relaxed);
  }
  // release: the clock.
  thread_.store(static_cast<int>(syscall(SYS_gettid)), std::memory_order_release);
}

std::optional<std::uint64_t> cpu_status::cpu_time() const noexcept {
  const clockid_t clock = clock_.load(std::memory_order_relaxed);
  timespec time;
  if (!opened() || clock == 0 || clock_gettime(clock, &time) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

void cpu_status::go(place where) noexcept {
  since_.store(where == place::working ? 0 : trace_clock::now(), std::memory_order_relaxed);
  place_.store(where, std::memory_order_relaxed);
}

void cpu_status::wait_until_let_go() noexcept { const std::lock_guard lock(mutex_); }

// A read-modify-write is as strong as a fence, and ThreadSanitizer understands it.
void cpu_status::fence() noexcept {
  static std::atomic<int> anything;
  anything.fetch_add(0, std::memory_order_seq_cst);
}

void cpu_status::fence_on_all_cpus() noexcept {
  fence();
  if (kernel_fences) syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

}  // namespace async::detail
