// What the watchdog sees: see detail/hang_watch.h. Serves stages 3 to 5.
#include "mp/detail/hang_watch.h"

#include "mp/detail/trace_lane.h"

namespace async::detail {

void hang_watch::remember(memory& m, const cpu_status& status, std::uint64_t callbacks, time now) {
  m = {};
  m.callbacks = callbacks;
  m.since = now;
  m.cpu_time = status.cpu_time();
  m.next_report = limit_;
}

// The CPU is held while what it owns is read.
cpu_view hang_watch::view_of(worker& w, unsigned cpu, time now) {
  cpu_view view;
  view.cpu = cpu;
  view.watched = w.status().opened();
  if (!view.watched) return view;
  view.thread = w.status().thread();
  view.status = w.status().now();
  w.hold([&](color_state* color, where site, const void* object, const color_state* slot) {
    view.status = w.status().now();
    callback_view& running = view.running.emplace();
    running.color = trace_lane::name_of(*color);
    running.site = site;
    running.object = object;
    running.behind = color_view_of(*color);
    if (slot != nullptr) running.in_slot = color_view_of(*slot);
  });
  memory& m = cpus_[cpu];
  if (!view.running || view.status.callbacks != m.callbacks) return view;
  if (view.running->behind.callbacks != 0 && !m.waiting_since) m.waiting_since = now;
  view.running_for = now - m.since;
  if (m.waiting_since) view.waiting_for = now - *m.waiting_since;
  const auto cpu_time = w.status().cpu_time();
  if (cpu_time && m.cpu_time) view.computed = duration(*cpu_time - *m.cpu_time);
  return view;
}

void hang_watch::look_at(worker& w, unsigned cpu, time now, std::vector<std::string>& said) {
  if (!w.status().opened()) return;
  memory& m = cpus_[cpu];
  const auto status = w.status().now();
  if (status.callbacks != m.callbacks) {
    if (!m.reported.empty()) {
      said.push_back(m.reported + " for " + text_of(now - m.since) + ", and has ended\n");
    }
    remember(m, w.status(), status.in_user_code ? status.callbacks : ~std::uint64_t{0}, now);
    return;
  }
  const cpu_view view = view_of(w, cpu, now);
  if (!view.running || view.running_for < m.next_report || view.running->site.line() == 0) return;
  while (m.next_report <= view.running_for) m.next_report *= 2;
  m.reported = what_is_held(view);
  said.push_back(text_of_held(view));
}

void hang_watch::forget() noexcept {
  cpus_.clear();
  was_stopping_ = false;
}

void hang_watch::look(scheduler* runtime, watched_wait* waits, time now,
                      std::vector<std::string>& said) {
  const unobserved quiet;
  if (runtime != nullptr) {
    cpus_.resize(runtime->workers().size());
    for (unsigned i = 0; i != cpus_.size(); ++i) look_at(*runtime->workers()[i], i, now, said);
  }
  look_at_waits(runtime, waits, now, said);
}

void hang_watch::look_at_waits(scheduler* runtime, watched_wait* waits, time now,
                               std::vector<std::string>& said) {
  // relaxed: seen at the next look else.
  const bool stopping = runtime != nullptr && queue().stopping.load(std::memory_order_relaxed);
  if (stopping && !std::exchange(was_stopping_, true)) {
    stopping_since_ = now;
    next_stop_report_ = limit_;
  }
  bool table_wanted = false;
  std::string why;
  if (stopping && now - stopping_since_ >= next_stop_report_) {
    why +=
        "stop() was called " + text_of(now - stopping_since_) + " ago, and callbacks still run\n";
    while (next_stop_report_ <= now - stopping_since_) next_stop_report_ *= 2;
    table_wanted = true;
  }
  for (watched_wait* w = waits; w != nullptr; w = w->next_) {
    if (w->since_ == time{}) {
      w->since_ = now;
      w->next_report_ = limit_;
    }
    const duration waited = now - w->since_;
    if (waited < w->next_report_) continue;
    while (w->next_report_ <= waited) w->next_report_ *= 2;
    why += "the program has waited for " + text_of(waited) + " for " + w->what_for_ + "\n";
    table_wanted = true;
  }
  if (table_wanted) said.push_back(why + table(runtime, waits, now));
}

std::string hang_watch::table(scheduler* runtime, watched_wait* waits, time now) {
  const unobserved quiet;
  std::string text;
  std::vector<cpu_view> cpus;
  idle_waiter* waiter = nullptr;
  if (runtime != nullptr) {
    waiter = runtime->waiter();
    cpus_.resize(runtime->workers().size());
    for (unsigned i = 0; i != cpus_.size(); ++i) {
      cpus.push_back(view_of(*runtime->workers()[i], i, now));
    }
    text += text_of(cpus) + text_of_colors(cpus, look_at_queue(*runtime));
  } else {
    text += "no CPU runs callbacks\n";
  }
  for (watched_wait* w = waits; w != nullptr && waiter == nullptr; w = w->next_)
    waiter = w->waiter_;
  if (waiter != nullptr) text += text_of_events(*waiter);
  return text;
}

}  // namespace async::detail
