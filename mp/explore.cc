// Exploration: see explore.h. Serves stages 4 and 5.
#include "mp/explore.h"

#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "mp/clock.h"
#include "mp/detail/chooser.h"
#include "mp/detail/color_state.h"
#include "mp/detail/schedule.h"
#include "mp/detail/scheduler.h"

namespace async {
namespace {

using namespace std::chrono_literals;
using detail::choice_source;
using detail::deviations;

std::string text_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

std::string text_of(where site) {
  return std::string(site.file_name()) + ':' + std::to_string(site.line());
}

// One run of the program. In the queue while it lives.
class run final : public detail::chooser {
 public:
  run(choice_source& choices, const explore_options& options)
      : choices_(choices), options_(options) {
    detail::queue().order = this;
    // relaxed: one thread.
    detail::virtual_time.store(start_of_time(), std::memory_order_relaxed);
  }
  run(const run&) = delete;
  run& operator=(const run&) = delete;
  ~run() {
    detail::virtual_time.store(0, std::memory_order_relaxed);
    detail::queue().order = nullptr;
  }

  void go(const std::function<void()>& program) {
    try {
      program();
    } catch (...) {
      fail(text_of(std::current_exception()));
    }
  }

  bool has_failed() const noexcept { return why_.has_value(); }
  const std::string& why() const { return *why_; }
  const std::vector<detail::all_choices::step>& steps() const noexcept { return steps_; }
  deviations taken() const {
    deviations d;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].taken != 0) d[i] = steps_[i].taken;
    }
    return d;
  }

  // A line for each deviation.
  const std::string& told() const noexcept { return told_; }

 private:
  static constexpr std::size_t most_told = 20;

  // The real time of the first run: then also what goes by the real clock is near it.
  static std::int64_t start_of_time() {
    static const std::int64_t start =
        std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
    return start;
  }

  std::size_t choose(detail::color_state* const* runnable, std::size_t n) noexcept override {
    if (steps_.size() >= options_.most_callbacks) {
      fail("it did not end in " + std::to_string(options_.most_callbacks) + " callbacks");
      stop();
    }
    seen_ = 0ms;
    const std::size_t taken = choices_.choose(n);
    if (taken != 0 && ++deviations_ <= most_told) {
      told_ += "\n  callback " + std::to_string(steps_.size()) + ": that of " +
               text_of(runnable[taken]->mail.front()->site) + " before that of " +
               text_of(runnable[0]->mail.front()->site);
    }
    steps_.push_back({taken, n});
    return taken;
  }

  bool idle(idle_waiter* waiter) noexcept override {
    if (seen_ < options_.patience) {
      std::this_thread::sleep_for(1ms);
      seen_ += 1ms;
      return true;
    }
    return waiter != nullptr && waiter->skip_to_timer();
  }

  void failed(const std::exception_ptr& exception, where site) noexcept override {
    fail(text_of(exception) + ", thrown by the callback of " + text_of(site));
  }

  void fail(std::string why) {
    if (!why_) why_ = std::move(why);
  }

  choice_source& choices_;
  const explore_options& options_;
  std::vector<detail::all_choices::step> steps_;
  std::size_t deviations_ = 0;
  std::chrono::milliseconds seen_{0};  // for so long nothing has happened
  std::optional<std::string> why_;
  std::string told_;
};

// Finds fewer deviations with which the program still fails: leaves out halves of them, then
// quarters, and so on, and then makes each as small as it can be.
class shrinker {
 public:
  shrinker(const std::function<void()>& program, const explore_options& options)
      : program_(program), options_(options) {}

  // Whether it fails; then that is the best one.
  bool fails(const deviations& d) {
    if (runs_ == most_runs) return false;
    ++runs_;
    detail::given_choices choices(d);
    run r(choices, options_);
    r.go(program_);
    if (!r.has_failed()) return false;
    best_ = d;
    why_ = r.why();
    told_ = r.told();
    return true;
  }

  void shrink() {
    for (std::size_t part = best_.size(); part != 0; part /= 2) leave_out(part);
    while (leave_out(1)) {}
    for (const auto& [callback, choice] : deviations(best_)) {
      deviations less = best_;
      for (std::uint64_t c = 1; c < choice; ++c) {
        less[callback] = c;
        if (fails(less)) break;
      }
    }
  }

  const deviations& best() const noexcept { return best_; }
  const std::string& why() const noexcept { return why_; }
  const std::string& told() const noexcept { return told_; }

 private:
  static constexpr unsigned most_runs = 1000;

  // Tries to do without each `part` deviations in a row. Whether that ever helped.
  bool leave_out(std::size_t part) {
    bool helped = false;
    for (std::size_t first = 0; first < best_.size();) {
      deviations fewer;
      std::size_t i = 0;
      for (const auto& d : best_) {
        if (i < first || i >= first + part) fewer.insert(d);
        ++i;
      }
      if (fails(fewer)) {
        helped = true;
      } else {
        first += part;
      }
    }
    return helped;
  }

  const std::function<void()>& program_;
  const explore_options& options_;
  unsigned runs_ = 0;
  deviations best_;
  std::string why_;
  std::string told_;
};

class explorer {
 public:
  explorer(const std::function<void()>& program, const explore_options& options)
      : program_(program), options_(options) {
    if (const char* seed = std::getenv("ASYNC_SEED")) options_.seed = number_of(seed);
    if (const char* replay = std::getenv("ASYNC_REPLAY")) options_.replay = replay;
  }

  exploration go() {
    if (!options_.replay.empty()) {
      try_given(detail::to_deviations(options_.replay));
    } else if (options_.exhaustive) {
      try_all();
    } else {
      try_given({});
      for (unsigned i = 1; i < options_.schedules && !result_.failed; ++i) {
        detail::drawn_choices choices(options_.seed, i);
        if (try_one(choices)) result_.message += said_of_seed(i);
      }
    }
    return result_;
  }

 private:
  static std::uint64_t number_of(const std::string& text) {
    std::size_t end = 0;
    try {
      const std::uint64_t n = std::stoull(text, &end, 0);
      if (end == text.size() && text[0] != '-') return n;
    } catch (const std::exception&) {}
    throw std::invalid_argument("explore: ASYNC_SEED is no number: " + text);
  }

  std::string said_of_seed(unsigned number) const {
    return "\nseed: " + std::to_string(options_.seed) + ", schedule " + std::to_string(number);
  }

  void try_given(const deviations& d) {
    detail::given_choices choices(d);
    try_one(choices);
  }

  void try_all() {
    detail::all_choices all(options_.most_deviations);
    while (!result_.failed && !result_.complete && result_.schedules < options_.schedules) {
      detail::given_choices choices(all.current());
      std::vector<detail::all_choices::step> steps;
      try_one(choices, &steps);
      result_.complete = !result_.failed && !all.next(steps);
    }
  }

  // Whether it failed; that is in the result then.
  bool try_one(choice_source& choices, std::vector<detail::all_choices::step>* steps = nullptr) {
    deviations taken;
    std::string why;
    {
      run r(choices, options_);
      r.go(program_);
      ++result_.schedules;
      if (steps != nullptr) *steps = r.steps();
      if (!r.has_failed()) return false;
      taken = r.taken();
      why = r.why();
    }
    result_.failed = true;
    result_.replay = detail::to_text(taken);
    result_.message = why;
    shrinker s(program_, options_);
    if (!s.fails(taken)) {
      result_.message += "\nbut not again: the program depends on something else than the order";
      return true;
    }
    if (options_.replay.empty()) s.shrink();
    result_.replay = detail::to_text(s.best());
    result_.message = s.why() + "\nin schedule \"" + result_.replay + '"' +
                      (s.told().empty() ? ", which is FIFO" : ":" + s.told());
    return true;
  }

  const std::function<void()>& program_;
  explore_options options_;
  exploration result_;
};

}  // namespace

exploration explore(const std::function<void()>& program, const explore_options& options) {
  if (detail::queue().in_use.load()) {
    throw std::logic_error("explore: another runtime exists");
  }
  if (detail::queue().order != nullptr) {
    throw std::logic_error("explore: called by a program that is being explored");
  }
  return explorer(program, options).go();
}

}  // namespace async
