// Who decides: at each point where an execution could go on in several ways, a chooser picks one.
//
// Serves no stage: part of the deterministic scheduler of tests/mp. Three choosers: every way in
// turn (depth first), random ways from a seed, and one given way again.
//
// Thread safety: none. Invariant: the same answers lead to the same execution, so the answers given
// so far (`schedule`) are all that is needed to have it again.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/mp/explore/memory.h"

namespace async::explore {

class chooser {
 public:
  virtual ~chooser() = default;

  // Which of `threads` (at least two) makes the next step: an index. Index 0 is the thread that
  // made the last one, if it can go on (`first_runs`); any other choice then is a preemption.
  virtual unsigned thread(std::span<const std::uint8_t> threads, bool first_runs) = 0;

  // Which of n > 1 results an operation has; 0 is the one that strong memory would give.
  virtual unsigned result(unsigned n) = 0;

  // `thread` waits in a loop for another to do something.
  virtual void waits(unsigned thread) { static_cast<void>(thread); }
};

// All answers, depth first: call `next` after each execution until it returns false.
class every_way : public chooser {
 public:
  unsigned thread(std::span<const std::uint8_t> threads, bool) override {
    return answer(static_cast<unsigned>(threads.size()));
  }
  unsigned result(unsigned n) override { return answer(n); }

  bool next() {
    depth_ = 0;
    while (!path_.empty() && path_.back().taken + 1 == path_.back().count) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().taken;
    return true;
  }

 private:
  struct fork {
    std::uint8_t taken;
    std::uint8_t count;
  };

  unsigned answer(unsigned n) {
    if (depth_ == path_.size()) path_.push_back({0, static_cast<std::uint8_t>(n)});
    return path_[depth_++].taken;
  }

  std::vector<fork> path_;
  std::size_t depth_ = 0;
};

// Sebastiano Vigna's splitmix64: small, and every seed is as good as another.
class random_bits {
 public:
  explicit random_bits(std::uint64_t seed) : state_(seed) {}
  std::uint64_t operator()() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  unsigned below(std::uint64_t n) { return static_cast<unsigned>((*this)() % n); }

 private:
  std::uint64_t state_;
};

// Random priorities that change at a few random steps (Burckhardt and others, "A randomized
// scheduler with probabilistic guarantees of finding bugs", 2010): of the bugs that need d ordering
// constraints, each run of k steps and n threads finds one with probability at least 1/(n k^(d-1)).
// One schedule in four is a plain random walk instead, which has no blind spot of that kind.
class random_way : public chooser {
 public:
  // `length`: about how many steps an execution makes.
  random_way(std::uint64_t seed, unsigned length) : random_(seed) {
    walk_ = random_.below(4) == 0;
    for (unsigned t = 0; t != max_threads; ++t) priority_[t] = 1000 + random_.below(1000000);
    for (auto& at : change_) at = random_.below(length + 1);
  }

  unsigned thread(std::span<const std::uint8_t> threads, bool first_runs) override {
    ++step_;
    if (walk_) return first_runs && random_.below(2) == 0 ? 0 : random_.below(threads.size());
    for (const unsigned at : change_)
      if (at == step_) lower(threads[0]);
    unsigned best = 0;
    for (unsigned i = 1; i != threads.size(); ++i)
      if (priority_[threads[i]] > priority_[threads[best]]) best = i;
    return best;
  }

  unsigned result(unsigned n) override { return random_.below(4) == 0 ? random_.below(n) : 0; }

  void waits(unsigned thread) override { lower(thread); }

 private:
  void lower(unsigned thread) { priority_[thread] = --lowest_; }

  random_bits random_;
  bool walk_ = false;
  unsigned step_ = 0;
  std::int64_t lowest_ = 1000;
  std::array<std::int64_t, max_threads> priority_{};
  std::array<unsigned, 3> change_{};
};

// The answers of an earlier execution; where they end, or do not fit, the first one.
class same_way : public chooser {
 public:
  explicit same_way(std::vector<std::uint8_t> answers) : answers_(std::move(answers)) {}
  unsigned thread(std::span<const std::uint8_t> threads, bool) override {
    return result(static_cast<unsigned>(threads.size()));
  }
  unsigned result(unsigned n) override {
    const unsigned given = next_ < answers_.size() ? answers_[next_++] : 0;
    return given < n ? given : 0;
  }

 private:
  std::vector<std::uint8_t> answers_;
  std::size_t next_ = 0;
};

}  // namespace async::explore
