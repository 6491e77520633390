// See date.h.
#include "examples/httpd/http/date.h"

#include <ctime>

#include "mp/colored.h"

namespace httpd {
namespace {

std::int64_t seconds_of(clockid_t clock) noexcept {
  timespec t{};
  ::clock_gettime(clock, &t);
  return t.tv_sec;
}

// The names of days and months are those of the C locale, which a program has that sets no other.
std::string formatted(std::int64_t time, const char* format) {
  const std::time_t seconds = time;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  return std::string(text, std::strftime(text, sizeof text, format, &parts));
}

// A text that is made anew when the second has changed.
template <const char* const& Format>
class remembered {
 public:
  std::string_view now() {
    if (const std::int64_t t = now_of_day(); t != time_) text_ = formatted(time_ = t, Format);
    return text_;
  }

 private:
  std::int64_t time_ = -1;
  std::string text_;
};

constexpr const char* fixdate = "%a, %d %b %Y %H:%M:%S GMT";
constexpr const char* logdate = "[%d/%b/%Y:%H:%M:%S +0000]";

}  // namespace

std::int64_t now_of_day() noexcept { return seconds_of(CLOCK_REALTIME_COARSE); }
std::uint32_t now_steady() noexcept {
  return static_cast<std::uint32_t>(seconds_of(CLOCK_MONOTONIC_COARSE));
}

std::string http_date(std::int64_t time) { return formatted(time, fixdate); }

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  if (text.size() > 40) return std::nullopt;
  const std::string copy(text);
  for (const char* format : {fixdate, "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm parts{};
    const char* const end = ::strptime(copy.c_str(), format, &parts);
    if (end == copy.c_str() + copy.size()) return ::timegm(&parts);
  }
  return std::nullopt;
}

std::string_view http_date_now() { return async::thread_scratch<remembered<fixdate>>().now(); }

std::string_view log_date_now() { return async::thread_scratch<remembered<logdate>>().now(); }

}  // namespace httpd
