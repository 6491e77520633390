// How evenly clients were served.
//
// Thread safety: as for a plain object.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace papers {

class shares {
 public:
  // A client that got so much.
  void add(std::uint64_t got) noexcept {
    least_ = clients_ == 0 ? got : std::min(least_, got);
    most_ = std::max(most_, got);
    ++clients_;
    starved_ += got == 0;
    const auto x = static_cast<double>(got);
    sum_ += x;
    squares_ += x * x;
  }

  std::size_t clients() const noexcept { return clients_; }
  std::uint64_t least() const noexcept { return least_; }
  std::uint64_t most() const noexcept { return most_; }
  std::size_t starved() const noexcept { return starved_; }  // who got nothing at all

  // Jain's index (DEC TR-301, 1984): 1 if all got the same, 1/n if one of n got everything, and 0
  // if nobody got anything.
  double index() const noexcept {
    return squares_ == 0 ? 0 : sum_ * sum_ / (static_cast<double>(clients_) * squares_);
  }

 private:
  std::size_t clients_ = 0, starved_ = 0;
  std::uint64_t least_ = 0, most_ = 0;
  double sum_ = 0, squares_ = 0;
};

}  // namespace papers
