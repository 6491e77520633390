// How far a long copy is, in one line on the terminal that is written over and over. Serves no
// stage.
//
// Thread safety: one thread.
// Invariant: nothing is written unless standard error is a terminal, or it was asked for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace sfs {

class progress {
 public:
  using clock = std::chrono::steady_clock;
  enum class when : std::uint8_t { on_a_terminal, always, never };

  // `total` is how many bytes there are, if that is known; `done` of them were there before.
  progress(std::string what, std::optional<std::uint64_t> total, std::uint64_t done, when w);
  ~progress();  // ends the line
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  void add(std::uint64_t bytes);

 private:
  void show(clock::time_point now);

  std::string what_;
  std::optional<std::uint64_t> total_;
  std::uint64_t before_, done_;
  bool wanted_, shown_ = false;
  clock::time_point began_ = clock::now(), last_ = began_;
};

// The line that is shown: 45 % of 1.2 GB, 310 MB/s, 2 s left. `seconds` is how long it took to get
// `done - before` bytes.
std::string progress_text(std::uint64_t done, std::optional<std::uint64_t> total,
                          std::uint64_t before, double seconds);

}  // namespace sfs
