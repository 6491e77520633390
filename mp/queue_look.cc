// Looking at what waits in the queue: see detail/hang_watch.h.
#include <algorithm>
#include <array>
#include <cstring>

#include "mp/detail/hang_watch.h"

namespace async::detail {

namespace {

// A worker, or its whole runtime, may wait for the look to end.
constexpr std::size_t most_callbacks = 100'000;  // of one color
constexpr std::size_t most_colors = 100'000;
constexpr std::size_t most_sites = 8;  // of one color that are told apart

bool same_line(where a, where b) noexcept {
  return a.line() == b.line() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

void count_one(color_view& view, where site) {
  ++view.callbacks;
  for (auto& [known, n] : view.sites) {
    if (same_line(known, site)) {
      ++n;
      return;
    }
  }
  if (view.sites.size() != most_sites) view.sites.emplace_back(site, 1);
}

// The colors that were taken; they are put back in the end, whatever happens.
class taken_colors {
 public:
  taken_colors() noexcept {
    // acquire: nothing is taken before it.
    queue().looks.fetch_add(1, std::memory_order_acq_rel);
  }
  taken_colors(const taken_colors&) = delete;
  ~taken_colors() {
    for (color_state* const color : colors_) queue().posted.push(color);
    // release: they are there before it.
    queue().looks.fetch_add(1, std::memory_order_release);
  }

  // From `source.take(colors, most)`, until there is nothing.
  template <class Take>
  void take_all(Take take) {
    std::array<color_state*, 32> some;
    while (colors_.size() < most_colors) {
      if (colors_.capacity() - colors_.size() < some.size()) {  // before they are taken
        colors_.reserve(2 * colors_.capacity() + some.size());
      }
      const std::size_t n = take(some.data(), some.size());
      if (n == 0) return;
      colors_.insert(colors_.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(n));
    }
  }

  const std::vector<color_state*>& all() const noexcept { return colors_; }

 private:
  std::vector<color_state*> colors_;
};

std::vector<color_view> take_and_look(scheduler& runtime) {
  std::vector<color_view> result;
  taken_colors taken;
  for (const auto& w : runtime.workers()) {
    taken.take_all([&](color_state** to, std::size_t most) { return w->take(to, most); });
  }
  taken.take_all([](color_state** to, std::size_t most) { return queue().posted.take(to, most); });
  for (const color_state* const color : taken.all()) {
    color_view view = color_view_of(*color);
    result.push_back(std::move(view));
  }
  return result;
}

}  // namespace

color_view color_view_of(const color_state& color) {
  color_view view;
  view.name = color_name(color).text;
  where oldest{};
  bool any_at_hand = false;
  color.mail.look([&](const task& t, bool at_hand) {
    if (view.callbacks == most_callbacks) {
      view.more = true;
      return false;
    }
    if (is_reaper(t)) return true;
    // The first at hand is the oldest; if none is, the one that comes last.
    if (!any_at_hand) oldest = t.site;
    any_at_hand = any_at_hand || at_hand;
    count_one(view, t.site);
    return true;
  });
  view.oldest = oldest;
  std::stable_sort(view.sites.begin(), view.sites.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return view;
}

std::vector<color_view> look_at_queue(scheduler& runtime) {
  std::vector<color_view> result;
#if defined(ASYNC_UNIPROCESSOR)
  // The one worker owns all; while it sleeps there is nothing.
  runtime.workers().front()->hold([&](color_state*, where, const void*, const color_state*) {
    result = take_and_look(runtime);
  });
#else
  result = take_and_look(runtime);
  if (!result.empty()) queue().parking.work_published();
  queue().parking.ask_again();
#endif
  return result;
}

}  // namespace async::detail
