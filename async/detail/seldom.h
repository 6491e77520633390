// A message that would otherwise come too often: at most one in ten seconds (no stage).
//
// Thread-safety: a value; whoever has it guards it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace async::detail {

class seldom {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds interval{10};

  // Counts one more. If it is time for a message: what the message is to end with, which is how
  // many there were that it did not tell of, if there were any.
  std::optional<std::string> once_more(clock::time_point now = clock::now()) {
    if (last_ && now - *last_ < interval) {
      ++untold_;
      return std::nullopt;
    }
    last_ = now;
    const auto untold = std::exchange(untold_, 0);
    return untold == 0 ? "" : "; as " + std::to_string(untold) + " times before";
  }

 private:
  std::optional<clock::time_point> last_;
  std::uint64_t untold_ = 0;
};

}  // namespace async::detail
