// An error in four bytes, as a stream keeps it: errno's numbers are positive, TLS's negative.
// Serves no stage.
//
// Thread-safety: any thread.
#pragma once

#include <cstdint>
#include <system_error>

#include "async/tls.h"

namespace async::detail {

inline std::int32_t packed_error(const std::error_code& error) noexcept {
  return error.category() == tls_category() ? -error.value() : error.value();
}

inline std::error_code unpacked_error(std::int32_t packed) noexcept {
  if (packed < 0) return {-packed, tls_category()};
  return {packed, std::system_category()};
}

}  // namespace async::detail
