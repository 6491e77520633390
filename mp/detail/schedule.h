// Schedules of an exploration: how many of the runnable colors were sent to the back before each
// callback. 0 is FIFO, anything else a deviation.
//
// Thread-safety: none; an exploration has one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace async::detail {

// By the number of the callback, from 0; what is not there is 0.
using deviations = std::map<std::uint64_t, std::uint64_t>;

// As CALLBACK:CHOICE,CALLBACK:CHOICE,... Throws std::invalid_argument for what is no such text.
std::string to_text(const deviations& d);
deviations to_deviations(std::string_view text);

// Where choices come from.
class choice_source {
 public:
  virtual ~choice_source() = default;
  // Below n, which is 1 or more.
  virtual std::size_t choose(std::size_t n) = 0;
};

// Takes given choices; one that is too large takes the last color.
class given_choices final : public choice_source {
 public:
  explicit given_choices(const deviations& d) : left_(d) {}
  std::size_t choose(std::size_t n) override;

 private:
  deviations left_;
  std::uint64_t callback_ = 0;
};

// Draws them. Different bugs need different kinds of disorder, so every third schedule draws
// evenly; every third gives each color a priority when it becomes runnable, so that an unlucky one
// waits for long; and every third is FIFO with a few deviations. After A Randomized Scheduler with
// Probabilistic Guarantees of Finding Bugs (Burckhardt and others, ASPLOS 2010) and Delay-Bounded
// Scheduling (Emmi and others, POPL 2011), of which the latter two are simpler relatives.
class drawn_choices final : public choice_source {
 public:
  // The schedule of that number, of this seed.
  drawn_choices(std::uint64_t seed, unsigned number);
  std::size_t choose(std::size_t n) override;

 private:
  enum class manner { even, priorities, few };

  std::uint64_t below(std::uint64_t n);

  std::mt19937_64 random_;  // the same on every machine
  manner manner_;
  std::uint64_t one_in_ = 2;               // few: how often
  std::vector<std::uint64_t> priorities_;  // of the runnable colors, in their order
};

// Goes through all: each call of next() changes the last choice that can be changed.
class all_choices {
 public:
  explicit all_choices(unsigned most_deviations) : most_(most_deviations) {}

  // The choices of the next schedule; its run is noted, and leads to the one after it.
  const deviations& current() const noexcept { return current_; }
  // Of a run by current(): how many colors there were to choose from, and which was taken. False
  // if there is no other schedule.
  struct step {
    std::size_t taken;
    std::size_t of;
  };
  bool next(const std::vector<step>& run);

 private:
  const unsigned most_;
  deviations current_;
};

}  // namespace async::detail
