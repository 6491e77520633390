// One measurement: see detail/metrics_session.h.
#include "mp/detail/metrics_session.h"

#include <cstring>

namespace async::detail {

namespace {

// All share it: a task that is posted before a session may run in the next.
constinit post_times posts;
constinit std::atomic<bool> posts_are_noted{false};

bool same_site(where a, where b) noexcept {
  return a.line() == b.line() && std::strcmp(a.file_name(), b.file_name()) == 0 &&
         std::strcmp(a.function_name(), b.function_name()) == 0;
}

void add(duration_histogram& sum, const duration_histogram& more) noexcept {
  for (std::size_t i = 0; i != duration_histogram::buckets; ++i) sum.counts[i] += more.counts[i];
  sum.sum += more.sum;
}

void add(callback_metrics& sum, const callback_metrics& more) noexcept {
  add(sum.cpu, more.cpu);
  add(sum.blocked, more.blocked);
  add(sum.waited_for_color, more.waited_for_color);
  add(sum.waited_for_cpu, more.waited_for_cpu);
}

}  // namespace

metrics_session::metrics_session(const metrics_options& options, double ns_per_tick)
    : ns_per_tick_(ns_per_tick), sites_(options.sites), colors_(options.colors) {}

metrics_lane& metrics_session::lane(unsigned cpu) {
  const std::lock_guard lock(mutex_);
  if (lanes_.size() <= cpu) lanes_.resize(cpu + 1);
  if (lanes_[cpu] == nullptr) {
    lanes_[cpu] = std::make_unique<metrics_lane>(sites_, colors_, posts, ns_per_tick_);
  }
  return *lanes_[cpu];
}

metrics_snapshot metrics_session::read() const {
  metrics_snapshot all;
  const std::vector<where> sites = sites_.things();
  const std::vector<std::uint64_t> colors = colors_.things();
  const std::lock_guard lock(mutex_);
  const auto sum = [this](auto row, std::size_t n) {
    callback_metrics result;
    for (const auto& lane : lanes_) {
      if (lane != nullptr) (*lane.*row)(n).add_to(result);
    }
    return result;
  };
  all.other_sites = sum(&metrics_lane::site_row, 0);
  all.other_colors = sum(&metrics_lane::color_row, 0);
  for (std::size_t i = 0; i != sites.size(); ++i) {
    const callback_metrics its = sum(&metrics_lane::site_row, i + 1);
    if (its.runs() == 0) continue;
    // The compiler may have made several constants of one site.
    auto place = all.sites.begin();
    while (place != all.sites.end() && !same_site(place->site, sites[i])) ++place;
    if (place == all.sites.end()) {
      all.sites.push_back({sites[i], its});
    } else {
      add(place->its, its);
    }
  }
  for (std::size_t i = 0; i != colors.size(); ++i) {
    const callback_metrics its = sum(&metrics_lane::color_row, i + 1);
    if (its.runs() != 0) all.colors.push_back({color_label(colors[i]), its});
  }
  return all;
}

void measure_post_from_outside(const color_state& color, const task* t) noexcept {
  // relaxed: a post that is noted for nothing, or not, at the beginning or end.
  if (!posts_are_noted.load(std::memory_order_relaxed)) return;
  static thread_local sampler mine(reinterpret_cast<std::uintptr_t>(&posts) ^
                                   reinterpret_cast<std::uintptr_t>(&t));
  if (mine.chooses()) metrics_lane::note_post(posts, t, color);
}

void note_posts(bool on) noexcept {
  if (on && !posts_are_noted.load()) posts.clear();  // of tasks that have run unnoticed
  posts_are_noted.store(on);
}

void forget_posts() noexcept { posts.clear(); }

}  // namespace async::detail
