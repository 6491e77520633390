// Choosing the clock of traces.
#include "mp/detail/trace_clock.h"

#include <array>
#include <cstdio>
#include <memory>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace async::detail {

namespace {

#if defined(__x86_64__)

// Whether the counter runs at one rate whatever the CPU does.
bool counter_is_invariant() noexcept {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & (1u << 8)) != 0;
}

// Whether the kernel, which watches the counters of all CPUs, relies on their being equal.
bool kernel_uses_counter() noexcept {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      std::fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re"),
      std::fclose);
  if (file == nullptr) return false;
  std::array<char, 32> text{};
  std::string_view name(text.data(), std::fread(text.data(), 1, text.size(), file.get()));
  while (name.ends_with('\n')) name.remove_suffix(1);
  return name == "tsc" || name == "kvm-clock";
}

bool can_use_counter() noexcept { return counter_is_invariant() && kernel_uses_counter(); }

#else

bool can_use_counter() noexcept { return false; }

#endif

}  // namespace

constinit bool trace_clock::uses_counter_ = false;
constinit std::uint64_t trace_clock::ticks_per_us_ = 1000;

void trace_clock::begin() noexcept {
  static const bool begun = [] {
    uses_counter_ = can_use_counter();
    if (!uses_counter_) return true;
    const trace_instant first = trace_instant::now();
    trace_instant last = first;
    while (last.monotonic - first.monotonic < 200'000) last = trace_instant::now();
    ticks_per_us_ = (last.ticks - first.ticks) * 1000 / (last.monotonic - first.monotonic);
    return true;
  }();
  static_cast<void>(begun);
}

}  // namespace async::detail
