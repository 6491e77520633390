// Dates of HTTP (RFC 9110, section 5.6.7), and what time it is. Serves no stage of its own.
//
// Thread safety: pure functions, but for the clocks and what each thread remembers of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace httpd {

// The time of day and the time since some start, in seconds, both of the last clock tick: cheap.
std::int64_t now_of_day() noexcept;
std::uint32_t now_steady() noexcept;

// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(std::int64_t time);

// Any of the three forms; nothing if it is none.
std::optional<std::int64_t> parse_http_date(std::string_view text);

// Now, as http_date() writes it, and as the log has it: "[06/Nov/1994:08:49:37 +0000]". Both valid
// until this thread asks again.
std::string_view http_date_now();
std::string_view log_date_now();

}  // namespace httpd
