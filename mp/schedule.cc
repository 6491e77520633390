#include "mp/detail/schedule.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace async::detail {

std::string to_text(const deviations& d) {
  std::string text;
  for (const auto& [callback, choice] : d) {
    if (!text.empty()) text += ',';
    text += std::to_string(callback) + ':' + std::to_string(choice);
  }
  return text;
}

deviations to_deviations(std::string_view text) {
  deviations d;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&] {
    std::uint64_t n = 0;
    const auto [behind, error] = std::from_chars(at, end, n);
    if (error != std::errc())
      throw std::invalid_argument("explore: no schedule: " + std::string(text));
    at = behind;
    return n;
  };
  const auto sign = [&](char c) {
    if (at == end || *at++ != c)
      throw std::invalid_argument("explore: no schedule: " + std::string(text));
  };
  while (at != end) {
    if (!d.empty()) sign(',');
    const std::uint64_t callback = number();
    sign(':');
    d[callback] = number();
  }
  return d;
}

std::size_t given_choices::choose(std::size_t n) {
  const auto found = left_.find(callback_++);
  return found == left_.end() ? 0 : std::min<std::size_t>(found->second, n - 1);
}

drawn_choices::drawn_choices(std::uint64_t seed, unsigned number)
    : random_(seed * 0x9e3779b97f4a7c15 + number), manner_(static_cast<manner>(number % 3)) {
  if (manner_ == manner::few) one_in_ = std::uint64_t{2} << below(6);
}

// Not std::uniform_int_distribution, which is not the same everywhere. Uneven by n / 2^64.
std::uint64_t drawn_choices::below(std::uint64_t n) { return random_() % n; }

std::size_t drawn_choices::choose(std::size_t n) {
  switch (manner_) {
    case manner::even:
      return below(n);
    case manner::few:
      return below(one_in_) == 0 ? below(n) : 0;
    case manner::priorities:
      break;
  }
  while (priorities_.size() < n) priorities_.push_back(random_());
  const auto first = std::max_element(priorities_.begin(), priorities_.end());
  const auto chosen = first - priorities_.begin();
  std::rotate(priorities_.begin(), first, priorities_.end());
  priorities_.erase(priorities_.begin());
  return static_cast<std::size_t>(chosen);
}

bool all_choices::next(const std::vector<step>& run) {
  std::uint64_t before = 0;  // deviations in run[0..i)
  for (const step& s : run) before += s.taken != 0;
  for (std::size_t i = run.size(); i-- != 0;) {
    before -= run[i].taken != 0;
    if (run[i].taken + 1 == run[i].of || before >= most_) continue;
    current_.clear();
    for (std::size_t j = 0; j < i; ++j) {
      if (run[j].taken != 0) current_[j] = run[j].taken;
    }
    current_[i] = run[i].taken + 1;
    return true;
  }
  return false;
}

}  // namespace async::detail
