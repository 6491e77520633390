// Conditional requests and what else chooses a representation (RFC 9110, sections 12.5.3 and 13).
// Serves stage 5.
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "examples/httpd/http/request.h"

namespace httpd {

// What tells one state of a file from another.
struct validators {
  std::string_view etag;  // strong, with its quotes
  std::int64_t modified = 0;
};

enum class condition : std::uint8_t { holds, not_modified, failed };

// In the order of section 13.2.2, for GET and HEAD.
condition evaluate(const request& r, const validators& v);

// Whether the ranges may be sent: there is no If-Range, or it names this state. A date does so only
// if it is strong: a minute older than now (section 8.8.2.2).
bool range_applies(const request& r, const validators& v, std::int64_t now);

// Whether the client takes gzip: its weight is not 0.
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace httpd
