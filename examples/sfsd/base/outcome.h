// outcome<T>: a value, or the reason there is none. What the network, the kernel or a user's file
// got wrong comes back through it; it serves no stage of its own.
//
// Thread safety: like std::variant; no shared state.
// Invariant: exactly one of value and reason is held.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace sfs {

// Why something failed, in words that can be shown to a user.
struct failure {
  std::string why;
};

template <class T>
class [[nodiscard]] outcome {
 public:
  outcome(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  outcome(failure f) : held_(std::in_place_index<1>, std::move(f)) {}

  explicit operator bool() const noexcept { return held_.index() == 0; }

  // Only if it holds a value.
  T& operator*() noexcept { return *std::get_if<0>(&held_); }
  const T& operator*() const noexcept { return *std::get_if<0>(&held_); }
  T* operator->() noexcept { return std::get_if<0>(&held_); }
  const T* operator->() const noexcept { return std::get_if<0>(&held_); }

  // Only if it holds none.
  const std::string& why() const noexcept { return std::get_if<1>(&held_)->why; }
  failure as_failure() const { return *std::get_if<1>(&held_); }

 private:
  std::variant<T, failure> held_;
};

}  // namespace sfs
