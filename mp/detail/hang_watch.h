// What the watchdog sees, from one look at the workers to the next.
//
// Serves stages 3 to 5.
//
// Time. No CPU reads a clock: that a callback still runs is seen by its number, which is the same
// as at the last look. So it has run for at least as long as from the look that saw it first, and
// what waits behind it has waited at least since the look that first saw something there.
//
// Colors that wait for a CPU are taken from the workers' segments and from the shared part, as a
// worker takes them, looked at by this thread, which owns them then, and put into the shared part,
// in the same order. While it has them, has_work() of the scheduler must not say that there is
// none: hence queue_looks.
//
// Thread-safety: all under the watchdog's lock, which keeps the workers in existence.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mp/detail/color_state.h"
#include "mp/detail/scheduler.h"
#include "mp/detail/watchdog_control.h"
#include "mp/detail/worker.h"
#include "wrap/where.h"

namespace async::detail {

// The callbacks that wait for one color.
struct color_view {
  std::string name;
  std::size_t callbacks = 0;
  bool more = false;  // that were not counted
  where oldest{};
  std::vector<std::pair<where, std::size_t>> sites;  // the most frequent first
};

// What runs on a CPU.
struct callback_view {
  std::uint64_t color = 0;  // as trace_lane::name_of()
  where site{};
  const void* object = nullptr;
  color_view behind;
  std::optional<color_view> in_slot;  // made runnable last, and not yet published
};

// A CPU that is in a callback longer than from one look to the next, or was asked for.
struct cpu_view {
  unsigned cpu = 0;
  int thread = 0;
  bool watched = false;
  cpu_status::snapshot status{};
  std::optional<callback_view> running;
  std::chrono::nanoseconds running_for{};            // at least
  std::chrono::nanoseconds waiting_for{};            // at least: the oldest of those behind it
  std::optional<std::chrono::nanoseconds> computed;  // in running_for
};

class hang_watch {
 public:
  using time = std::chrono::steady_clock::time_point;
  using duration = std::chrono::nanoseconds;

  explicit hang_watch(duration limit) noexcept : limit_(limit) {}

  duration limit() const noexcept { return limit_; }

  // Appends what there is to say. `runtime` may be null.
  void look(scheduler* runtime, watched_wait* waits, time now, std::vector<std::string>& said);

  // The runtime is over: another one may have its address.
  void forget() noexcept;

  // The whole table.
  std::string table(scheduler* runtime, watched_wait* waits, time now);

 private:
  // What is remembered of a CPU from look to look.
  struct memory {
    std::uint64_t callbacks = ~std::uint64_t{0};
    time since{};                           // the look that saw the running callback first
    std::optional<time> waiting_since;      // the look that first saw something behind it
    std::optional<std::uint64_t> cpu_time;  // at `since`
    duration next_report{};
    std::string reported;  // the beginning of what was said
  };

  cpu_view view_of(worker& w, unsigned cpu, time now);
  void look_at(worker& w, unsigned cpu, time now, std::vector<std::string>& said);
  void remember(memory& m, const cpu_status& status, std::uint64_t callbacks, time now);
  void look_at_waits(scheduler* runtime, watched_wait* waits, time now,
                     std::vector<std::string>& said);

  const duration limit_;
  std::vector<memory> cpus_;
  time stopping_since_{};
  duration next_stop_report_{};
  bool was_stopping_ = false;
};

// hang_report.cc: as text.

std::string text_of(std::chrono::nanoseconds duration);
std::string text_of(where site);
std::string name_of_color(std::uint64_t name);
// "SITE, object 0x..., has held color 17 for ..."
std::string what_is_held(const cpu_view& view);
std::string text_of_held(const cpu_view& view);
std::string text_of(const std::vector<cpu_view>& cpus);
std::string text_of_colors(const std::vector<cpu_view>& cpus, std::vector<color_view> waiting);
std::string text_of_events(idle_waiter& waiter);

// queue_look.cc

color_view color_view_of(const color_state& color);
// All colors that wait for a CPU. None in a uniprocessor build, where another thread may not take
// them; there, only those that the caller may read.
std::vector<color_view> look_at_queue(scheduler& runtime);

}  // namespace async::detail
