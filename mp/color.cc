// Colors: their tables by name, and their lifetime (detail/color_state.h tells it in steps).
#include "mp/color.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <unordered_map>

#include "mp/detail/fork.h"

namespace async {
namespace detail {

constinit color_state default_color{0, color_kind::numbered};
constinit thread_local color_state* running = nullptr;
constinit thread_local color_state* posting_to_itself = nullptr;

color_name::color_name(const color_state& color) noexcept {
  const std::uint64_t id = color.id();
  if (&color == &default_color) {
    std::snprintf(text, sizeof text, "the default color");
  } else if (color.kind() == color_kind::fresh) {
    std::snprintf(text, sizeof text, "fresh color %" PRIu64, id - first_fresh_color);
  } else if (color.kind() == color_kind::object) {
    std::snprintf(text, sizeof text, "the color of object %#" PRIx64, id);
  } else {
    std::snprintf(text, sizeof text, "color %" PRIu64, id);
  }
}

std::string color_label(std::uint64_t color) {
  constexpr std::uint64_t id_mask = (std::uint64_t{1} << 62) - 1;
  const std::uint64_t id = color & id_mask;
  switch (static_cast<color_kind>(color >> 62)) {
    case color_kind::fresh:
      return "fresh " + std::to_string(id & (id_mask >> 1));
    case color_kind::object: {
      char address[40];
      std::snprintf(address, sizeof address, "object 0x%" PRIx64, id);
      return address;
    }
    case color_kind::numbered:
      break;
  }
  return id == 0 ? "default" : std::to_string(id);
}

namespace {

// The colors that have a name. They are found again as long as they exist.
class color_table {
 public:
  color_state* find(color_kind kind, std::uint64_t name) {
    const std::lock_guard lock(mutex_);
    auto [place, is_new] = colors_.try_emplace(name, nullptr);
    if (!is_new) {
      place->second->retain();
      return place->second;
    }
    try {
      return place->second = new color_state(name, kind);
    } catch (...) {
      colors_.erase(place);
      throw;
    }
  }

  // With the lock held.
  void erase(std::uint64_t name) noexcept { colors_.erase(name); }
  void clear() noexcept { colors_.clear(); }

  std::mutex& mutex() noexcept { return mutex_; }

 private:
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, color_state*> colors_;  // guarded by mutex_; counts nothing
};

// Never destroyed: callbacks that are destroyed at exit still hold colors.
constexpr std::size_t shards = 16;
using color_tables = std::array<color_table, shards>;

color_tables& tables_of(color_kind kind) noexcept {
  static auto& numbered = *new color_tables;
  static auto& objects = *new color_tables;
  return kind == color_kind::numbered ? numbered : objects;
}

color_table& table_of(color_kind kind, std::uint64_t name) noexcept {
  // Fibonacci hashing: addresses and small numbers differ in few bits.
  return tables_of(kind)[(name * 0x9e3779b97f4a7c15u) >> 60];
}

// The last task that a color gets. Its destructor does the work, so that it is done also when the
// task is destroyed unrun.
class reaper {
 public:
  explicit reaper(color_state* color) noexcept : color_(color) {}
  reaper(reaper&& other) noexcept : color_(std::exchange(other.color_, nullptr)) {}
  ~reaper() {
    if (color_ == nullptr) return;
    color_->set_reaped();
    ++reapers_run;
  }
  void operator()() const noexcept {}

 private:
  color_state* color_;
};

}  // namespace

constinit thread_local std::uint64_t reapers_run = 0;

// A color is written to by those who post to it, which nothing else need order after its making.
color_state* make_fresh_color() {
  const unobserved making;
  static std::atomic<std::uint64_t> last{0};
  // relaxed: only the number matters.
  return new color_state(first_fresh_color + last.fetch_add(1, std::memory_order_relaxed),
                         color_kind::fresh);
}

color_state* find_color(color_kind kind, std::uint64_t name) {
  const unobserved making;
  return table_of(kind, name).find(kind, name);
}

void color_state::drop() noexcept {
  const unobserved end;
  std::uint64_t count = references_.load(std::memory_order_relaxed);
  for (;;) {
    // release: what this handle's holder did with the color comes before its end.
    const bool last = count == none + 1;
    if (references_.compare_exchange_weak(count, last ? reaping | none : count - 1,
                                          std::memory_order_release, std::memory_order_relaxed)) {
      if (last) post_reaper();
      return;
    }
  }
}

// The owner's own count joins the others'. If that leaves none, there is no handle at all, and the
// owner is where the reaper would have come.
void color_state::merge_references() noexcept {
  const auto own = static_cast<std::uint64_t>(std::exchange(own_references_, 0));
  if (immortal()) return;
  // release: as in drop().
  if (references_.fetch_add(own, std::memory_order_release) + own == none) {
    references_.fetch_or(reaping | reaped, std::memory_order_relaxed);
  }
}

void color_state::post_reaper() noexcept {
  task* t = make_task(reaper(this), where());
  if (running_color() == this) {
    if (mail.push_own(t)) note_taking_over();
    return;
  }
  if (!mail.push(t)) return;
  // It was idle, so this thread is the owner and can do it here and now. Looked up by name, it may
  // have got more to do in the meantime.
  t = mail.pop();
  mail.retire(t, t->act(t, action::destroy));
  --reapers_run;  // of those that workers run
  if (mail.has_more() || !relinquish()) submit_runnable(this);
}

bool color_state::dispose() noexcept {
  if (kind() == color_kind::fresh) return free_if_unreferenced();
  const std::lock_guard lock(table_of(kind(), id()).mutex());
  return free_if_unreferenced();
}

bool color_state::free_if_unreferenced() noexcept {
  // acquire: all that the holders of handles did, for example a post just before the last drop.
  std::uint64_t count = references_.load(std::memory_order_acquire);
  while (count != (reaping | reaped | none)) {
    if (references_.compare_exchange_weak(count, count & ~(reaping | reaped),
                                          std::memory_order_acquire, std::memory_order_acquire)) {
      return false;
    }
  }
  if (mail.has_more()) return false;
  mail.abandon();
  end_fiber(*this);
  if (kind() != color_kind::fresh) table_of(kind(), id()).erase(id());
  delete this;
  return true;
}

void lock_color_tables() {
  for (const auto kind : {color_kind::numbered, color_kind::object}) {
    for (color_table& table : tables_of(kind)) table.mutex().lock();
  }
}

void unlock_color_tables() {
  for (const auto kind : {color_kind::numbered, color_kind::object}) {
    for (color_table& table : tables_of(kind)) table.mutex().unlock();
  }
}

void clear_color_tables() {
  for (const auto kind : {color_kind::numbered, color_kind::object}) {
    for (color_table& table : tables_of(kind)) table.clear();
  }
}

}  // namespace detail

color::color(std::uint64_t n) : state_(&detail::default_color) {
  if (n >= detail::first_fresh_color)
    throw std::out_of_range("async::color: the number is too large");
  if (n != 0) state_ = detail::find_color(detail::color_kind::numbered, n);
}

color color::fresh() { return adopt(detail::make_fresh_color()); }

color color::of(const void* object) {
  return adopt(
      detail::find_color(detail::color_kind::object, reinterpret_cast<std::uintptr_t>(object)));
}

color color::current() noexcept {
  detail::color_state* const state = detail::running_color();
  if (state == nullptr) return {};
  state->retain();
  return adopt(state);
}

}  // namespace async
