// See crew.h.
#include "tests/interop/faults/crew.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "async/fd.h"

namespace sfs::faults {
namespace {

// So long may everything that a script waits for take at most: a machine may be slow.
constexpr std::chrono::seconds patience{60};
constexpr std::chrono::milliseconds look_again{5};
constexpr std::size_t most_shown = 10;

}  // namespace

crew::crew(std::vector<std::unique_ptr<worker>> workers, std::uint64_t seed)
    : workers_(std::move(workers)), random_(static_cast<std::uint32_t>(seed)) {}

void crew::begin() {
  for (auto& w : workers_) w->begin();
  async::fdcb(STDIN_FILENO, async::selread, async::wrap([this] { readable(); }));
  obey();
}

void crew::readable() {
  char buffer[4096];
  const ssize_t n = ::read(STDIN_FILENO, buffer, sizeof buffer);
  if (n <= 0) std::_Exit(1);  // the script is gone
  input_.append(buffer, static_cast<std::size_t>(n));
  for (std::size_t end; (end = input_.find('\n')) != input_.npos; input_.erase(0, end + 1))
    lines_.push_back(input_.substr(0, end));
  if (!listener_ || lines_.empty()) return;
  const auto l = std::move(listener_);
  std::string first = std::move(lines_.front());
  lines_.pop_front();
  l->set(std::move(first));
}

eventual<std::string> crew::next_line() {
  eventual<std::string> line;
  if (lines_.empty()) {
    listener_ = std::make_unique<eventual<std::string>>(line);
  } else {
    line.set(std::move(lines_.front()));
    lines_.pop_front();
  }
  return line;
}

eventual<done> crew::obey() {
  while (true) {
    std::string line = co_await next_line();
    const std::string answer = co_await carry_out(std::move(line));
    say(answer);
  }
}

void crew::say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

eventual<std::string> crew::carry_out(std::string line) {
  const std::string what = line.substr(0, line.find(' '));
  const std::string rest = line.size() > what.size() ? line.substr(what.size() + 1) : "";
  if (what == "progress") {
    const std::uint64_t steps = rest.empty() ? 2 : std::strtoull(rest.c_str(), nullptr, 10);
    co_return co_await see_progress(steps);
  }
  if (what == "check") co_return check();
  if (what == "count") co_return count();
  if (what == "finish") co_return co_await finish();
  if (what == "cut") {
    cut();
    co_return "cut";
  }
  if (what == "room") {
    for (auto& w : workers_) w->make_room();
    co_return "room";
  }
  if (what == "full") {
    const bool full = co_await until([](worker& w) { return w.is_full(); });
    co_return full ? "full" : "stuck: there is still room";
  }
  if (what == "lose") co_return co_await lose();
  if (what == "fail") co_return co_await fail();
  co_return "stuck: what is " + what + "?";
}

eventual<std::string> crew::lose() {
  const bool gone = co_await until([](worker& w) { return w.is_cut_off(); });
  if (!gone) co_return "stuck: the server is still there";
  for (auto& w : workers_) w->lose_what_may_be_lost();
  co_return "lost";
}

// Each has a new error: so he has heeded everything that the server said before the disk failed,
// which acknowledges something for the last time. And when what is lost is lost, the server has to
// notice once more that something may be.
eventual<std::string> crew::fail() {
  const bool seen = co_await see_errors();
  for (auto& w : workers_) w->lose_what_may_be_lost();
  const bool again = co_await see_errors();
  co_return seen&& again ? "failed" : "stuck: not everybody is told that the disk fails";
}

eventual<bool> crew::see_errors() {
  std::vector<std::uint64_t> before;
  for (auto& w : workers_) before.push_back(w->count().io_errors);
  std::size_t at = 0;
  co_return co_await until([&](worker& w) {
    while (workers_[at].get() != &w) ++at;
    return w.count().io_errors > before[at];
  });
}

eventual<bool> crew::until(std::function<bool(worker&)> is_so) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (std::size_t i = 0; i < workers_.size();) {
    if (is_so(*workers_[i])) {
      ++i;
      continue;
    }
    if (std::chrono::steady_clock::now() > end) co_return false;
    co_await pause(look_again);
  }
  co_return true;
}

eventual<std::string> crew::see_progress(std::uint64_t steps) {
  std::vector<std::uint64_t> goal;
  for (auto& w : workers_) goal.push_back(w->steps() + steps);
  std::size_t slowest = 0;
  const bool all = co_await until([&](worker& w) {
    while (workers_[slowest].get() != &w) ++slowest;
    return w.steps() >= goal[slowest];
  });
  if (all) co_return "progress";
  ++wrong_;
  co_return "stuck: " + workers_[slowest]->name();
}

std::string crew::check() {
  findings all;
  for (auto& w : workers_) w->check(all);
  for (std::size_t i = 0; i < all.wrong.size() && i < most_shown; ++i)
    std::fprintf(stderr, "  %s\n", all.wrong[i].c_str());
  wrong_ += all.wrong.size();
  return (all.wrong.empty() ? "right: " : "wrong: ") + std::to_string(all.records) + " records, " +
         std::to_string(all.slots) + " slots, " + std::to_string(all.names) + " names, " +
         std::to_string(all.wrong.size()) + " wrong";
}

std::string crew::count() const {
  std::uint64_t steps = 0, full = 0, broken = 0, busy = 0, again = 0;
  for (const auto& w : workers_) {
    steps += w->steps_altogether();
    full += w->count().no_space;
    broken += w->count().io_errors;
    busy += w->count().busy;
    again += w->count().written_again;
  }
  return "count: " + std::to_string(steps) + " steps, " + std::to_string(full) +
         " times no room, " + std::to_string(broken) + " I/O errors, " + std::to_string(busy) +
         " times busy, " + std::to_string(again) + " written again";
}

eventual<std::string> crew::finish() {
  for (auto& w : workers_) w->stop();
  const bool stopped = co_await until([](worker& w) { return w.has_stopped(); });
  if (!stopped) ++wrong_;
  say(stopped ? check() : "stuck: some calls were never answered");
  say(count());
  std::fflush(stdout);
  std::_Exit(wrong_ == 0 ? 0 : 1);
  co_return "";
}

void crew::cut() {
  for (auto& w : workers_)
    if (random_() % 2 == 0) w->cut();
}

}  // namespace sfs::faults
