// Call sites as frames of a stack, for the reports of the color race checker (no stage).
//
// Thread-safety: any thread.
#pragma once

#include "wrap/where.h"

namespace async::detail {

// An address that stands for `site` where ThreadSanitizer expects a caller's. Always the same for
// the same site.
void* frame_of(where site) noexcept;

}  // namespace async::detail
