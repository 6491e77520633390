// See progress.h.
#include "examples/sfsd/client/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <utility>

#include "examples/sfsd/base/shown.h"

namespace sfs {
namespace {

constexpr std::chrono::milliseconds interval{200};

std::string size_text(double bytes) {
  constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  std::size_t unit = 0;
  for (; bytes >= 999.5 && unit + 1 < std::size(units); ++unit) bytes /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, bytes < 9.95 && unit > 0 ? "%.1f %s" : "%.0f %s", bytes,
                units[unit]);
  return text;
}

std::string time_text(double seconds) {
  const auto s = static_cast<std::uint64_t>(std::min(seconds, 1e9));
  if (s < 100) return std::to_string(s) + " s";
  return std::to_string(s / 60) + " min " + std::to_string(s % 60) + " s";
}

}  // namespace

std::string progress_text(std::uint64_t done, std::optional<std::uint64_t> total,
                          std::uint64_t before, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(done - before) / seconds : 0;
  std::string text = size_text(static_cast<double>(done));
  if (total) {
    const std::uint64_t all = std::max<std::uint64_t>(*total, 1);
    const double part = 100.0 * static_cast<double>(std::min(done, all)) / static_cast<double>(all);
    text =
        std::to_string(static_cast<int>(part)) + " % of " + size_text(static_cast<double>(*total));
  }
  text += ", " + size_text(rate) + "/s";
  if (total && *total > done && rate > 0)
    text += ", " + time_text(static_cast<double>(*total - done) / rate) + " left";
  return text;
}

progress::progress(std::string what, std::optional<std::uint64_t> total, std::uint64_t done, when w)
    : what_(shown(what)),
      total_(total),
      before_(done),
      done_(done),
      wanted_(w == when::always || (w == when::on_a_terminal && ::isatty(STDERR_FILENO) == 1)) {}

progress::~progress() {
  if (!shown_) return;
  show(clock::now());
  std::fputc('\n', stderr);
}

void progress::add(std::uint64_t bytes) {
  done_ += bytes;
  const auto now = clock::now();
  if (!wanted_ || now - last_ < interval) return;
  last_ = now;
  show(now);
}

void progress::show(clock::time_point now) {
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - began_).count();
  // Back to the beginning of the line, and what is left of the last text is cleared.
  std::fprintf(stderr, "\r%s: %s\033[K", what_.c_str(),
               progress_text(done_, total_, before_, seconds).c_str());
  std::fflush(stderr);
}

}  // namespace sfs
