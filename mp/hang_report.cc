// What the watchdog sees, as text. Serves stages 3 to 5.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <map>
#include <tuple>

#include "mp/color.h"
#include "mp/detail/hang_watch.h"
#include "mp/detail/trace_clock.h"

namespace async::detail {

namespace {

constexpr std::size_t most_rows = 30;
constexpr std::size_t most_named = 5;  // fds and the like of one kind and site

using std::chrono::nanoseconds;

std::string number_of(const color_view& view) {
  return std::to_string(view.callbacks) + (view.more ? " or more" : "");
}

// ": 40 of a.cc:12 (f), 1 of b.cc:7 (g)"; nothing if there is one site, and it is known.
std::string sites_of(const color_view& view) {
  std::string text;
  for (const auto& [site, n] : view.sites) {
    text += (text.empty() ? ": " : ", ") + std::to_string(n) + " of " + text_of(site);
  }
  return text;
}

std::string subject(const callback_view& running) {
  std::string text = text_of(running.site);
  if (running.object != nullptr) {
    char object[40];
    std::snprintf(object, sizeof object, ", object %p", running.object);
    text += object;
  }
  return text;
}

// The time at a place, as the CPU has noted it.
std::string for_ticks(std::uint64_t since) {
  const std::uint64_t now = trace_clock::now();
  const std::uint64_t us = now > since ? (now - since) / trace_clock::ticks_in_us(1) : 0;
  return " for " + text_of(std::chrono::microseconds(us));
}

std::string row_of(const cpu_view& view) {
  using place = cpu_status::place;
  std::string text = "  CPU " + std::to_string(view.cpu) + ": ";
  if (!view.watched) return text + "not watched\n";
  text += "thread " + std::to_string(view.thread) + " ";
  if (view.running) {
    text += "runs " + subject(*view.running) + ", " + name_of_color(view.running->color);
    if (view.running_for.count() > 0) text += ", for " + text_of(view.running_for);
    if (view.computed) text += ", of which it computed " + text_of(*view.computed);
    if (view.running->in_slot) {
      text += "; " + view.running->in_slot->name + " waits for it to end, or to publish()";
    }
  } else if (view.status.where == place::asleep) {
    text += "sleeps" + for_ticks(view.status.since);
  } else if (view.status.where == place::polling) {
    text += "looks at readiness" + for_ticks(view.status.since);
  } else {
    text += "is between two callbacks";
  }
  return text + "\n";
}

struct row {
  std::size_t callbacks;
  std::string text;
};

}  // namespace

std::string text_of(nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  char text[40];
  if (seconds >= 0.1) {
    std::snprintf(text, sizeof text, "%.1f s", seconds);
  } else {
    std::snprintf(text, sizeof text, "%.1f ms", seconds * 1000);
  }
  return text;
}

std::string text_of(where site) {
  return std::string(site.file_name()) + ":" + std::to_string(site.line()) + " (" +
         site.function_name() + ")";
}

std::string name_of_color(std::uint64_t name) {
  if (name == static_cast<std::uint64_t>(color_kind::numbered) << 62) {
    return color_name(default_color).text;
  }
  constexpr std::uint64_t mask = (std::uint64_t{1} << 62) - 1;
  const color_state color(name & mask, static_cast<color_kind>(name >> 62));
  return color_name(color).text;
}

std::string what_is_held(const cpu_view& view) {
  return subject(*view.running) + ", has held " + name_of_color(view.running->color);
}

std::string text_of_held(const cpu_view& view) {
  std::string text = what_is_held(view) + " for " + text_of(view.running_for) + " on CPU " +
                     std::to_string(view.cpu) + " (thread " + std::to_string(view.thread) + ")";
  if (view.computed) text += ", of which it computed " + text_of(*view.computed);
  const color_view& behind = view.running->behind;
  if (behind.callbacks == 0) {
    text += "; nothing waits behind it";
  } else {
    text += "; " + number_of(behind) + " wait behind it, the oldest for " +
            text_of(view.waiting_for) + sites_of(behind);
  }
  if (view.running->in_slot) {
    text += "; it has made " + view.running->in_slot->name +
            " runnable, which waits for it to end, or to publish()";
  }
  return text + "\n";
}

std::string text_of(const std::vector<cpu_view>& cpus) {
  std::string text = "CPUs\n";
  for (const cpu_view& view : cpus) text += row_of(view);
  return text;
}

std::string text_of_colors(const std::vector<cpu_view>& cpus, std::vector<color_view> waiting) {
  std::vector<row> rows;
  for (const cpu_view& view : cpus) {
    if (!view.running) continue;
    const color_view& behind = view.running->behind;
    if (behind.callbacks != 0) {
      rows.push_back({behind.callbacks, behind.name + ": " + number_of(behind) +
                                            " wait, held by CPU " + std::to_string(view.cpu) +
                                            "; the oldest for " + text_of(view.waiting_for) +
                                            ", of " + text_of(behind.oldest)});
    }
    if (view.running->in_slot) waiting.push_back(*view.running->in_slot);
  }
  for (const color_view& view : waiting) {
    if (view.callbacks == 0) continue;  // it is only about to be freed
    rows.push_back({view.callbacks, view.name + ": " + number_of(view) +
                                        " wait for a CPU; the oldest of " + text_of(view.oldest)});
  }
  if (rows.empty()) return "no color has callbacks that wait\n";
  std::stable_sort(rows.begin(), rows.end(),
                   [](const row& a, const row& b) { return a.callbacks > b.callbacks; });
  std::string text = "Colors with callbacks that wait\n";
  for (std::size_t i = 0; i != std::min(rows.size(), most_rows); ++i) {
    text += "  " + rows[i].text + "\n";
  }
  std::size_t left = 0;
  for (std::size_t i = most_rows; i < rows.size(); ++i) left += rows[i].callbacks;
  if (left != 0) {
    text += "  and " + std::to_string(rows.size() - most_rows) +
            " more colors: " + std::to_string(left) + "\n";
  }
  return text;
}

std::string text_of_events(idle_waiter& waiter) {
  struct group {
    std::size_t events = 0;
    std::string which;
  };
  std::map<std::tuple<std::string, std::string>, group> groups;
  waiter.tell_events([&](const awaited_event& e) {
    group& g = groups[{e.kind, text_of(e.site)}];
    if (g.events++ < most_named) {
      g.which +=
          (g.which.empty() ? "" : ", ") + e.which + (e.which.empty() ? "" : " ") + "of " + e.color;
    }
  });
  if (groups.empty()) return "no event is registered\n";
  std::string text = "Events that are registered\n";
  for (const auto& [key, g] : groups) {
    text += "  " + std::to_string(g.events) + " " + std::get<0>(key) + ": " + std::get<1>(key) +
            ": " + g.which + (g.events > most_named ? ", ..." : "") + "\n";
  }
  return text;
}

}  // namespace async::detail
