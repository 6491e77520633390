// secret<N>: N bytes of key material that are wiped when they go. Serves no stage of its own.
//
// Thread safety: like an array.
// Invariants: never copied by accident (moving wipes the source); never printed or compared with
// ==.
#pragma once

#include <openssl/crypto.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "examples/sfsd/base/bytes.h"

namespace sfs {

template <std::size_t N>
class secret {
 public:
  secret() noexcept = default;
  secret(secret&& other) noexcept : held_(other.held_) { other.wipe(); }
  secret& operator=(secret&& other) noexcept {
    if (this != &other) {
      held_ = other.held_;
      other.wipe();
    }
    return *this;
  }
  ~secret() { wipe(); }

  secret copy() const noexcept {
    secret twin;
    twin.held_ = held_;
    return twin;
  }
  bytes span() noexcept { return held_; }
  const_bytes span() const noexcept { return held_; }
  void wipe() noexcept { OPENSSL_cleanse(held_.data(), held_.size()); }

 private:
  std::array<std::uint8_t, N> held_{};
};

using secret32 = secret<32>;

}  // namespace sfs
