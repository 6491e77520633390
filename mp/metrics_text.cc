// Metrics in the text format of Prometheus. Serves stages 4 and 5, while they are measured.
//
// The format: https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4).
#include <cinttypes>
#include <cstdio>
#include <string_view>
#include <utility>

#include "mp/detail/metrics_session.h"

namespace async::detail {

namespace {

// As the inside of a label's value.
std::string label_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n') {
      result += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string in_seconds(double ns) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", ns / 1e9);
  return text;
}

using histogram_of = duration_histogram callback_metrics::*;
using labelled = std::pair<std::string, const callback_metrics*>;

void print_rows(std::string& text, const std::string& name, const std::string& labels,
                const duration_histogram& histogram) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i != duration_histogram::buckets; ++i) {
    sum += histogram.counts[i];
    const bool last = i + 1 == duration_histogram::buckets;
    text += name + "_bucket{" + labels + ",le=\"" +
            (last ? "+Inf" : in_seconds(static_cast<double>(duration_histogram::bound(i)))) +
            "\"} " + std::to_string(sum) + "\n";
  }
  text += name + "_sum{" + labels + "} " + in_seconds(static_cast<double>(histogram.sum.count())) +
          "\n";
  text += name + "_count{" + labels + "} " + std::to_string(sum) + "\n";
}

// What has not happened is left out.
void print_rows(std::string& text, const char* what, const std::vector<labelled>& rows) {
  struct {
    const char* name;
    const char* help;
    histogram_of member;
  } const kinds[] = {
      {"cpu", "How long each callback had the CPU.", &callback_metrics::cpu},
      {"blocked", "For how long callbacks were off the CPU, of those that were.",
       &callback_metrics::blocked},
      {"waited_for_color", "How long callbacks waited for their color, of 1 in 32.",
       &callback_metrics::waited_for_color},
      {"waited_for_cpu", "How long callbacks waited for a CPU, of 1 in 32.",
       &callback_metrics::waited_for_cpu},
  };
  static_assert(metrics_sampling == 32);
  for (const auto& kind : kinds) {
    const std::string name = std::string("async_") + what + "_" + kind.name + "_seconds";
    text += "# HELP " + name + " " + kind.help + "\n# TYPE " + name + " histogram\n";
    for (const auto& [labels, row] : rows) {
      if ((row->*kind.member).count() != 0) print_rows(text, name, labels, row->*kind.member);
    }
  }
}

}  // namespace

std::string text_of(const metrics_snapshot& snapshot) {
  std::vector<labelled> sites, colors;
  for (const auto& [site, its] : snapshot.sites) {
    sites.emplace_back("site=\"" + label_text(site.file_name()) + ":" +
                           std::to_string(site.line()) + "\",function=\"" +
                           label_text(site.function_name()) + "\"",
                       &its);
  }
  sites.emplace_back("site=\"other\",function=\"\"", &snapshot.other_sites);
  for (const auto& [name, its] : snapshot.colors) {
    colors.emplace_back("color=\"" + label_text(name) + "\"", &its);
  }
  colors.emplace_back("color=\"other\"", &snapshot.other_colors);
  std::string text;
  print_rows(text, "site", sites);
  print_rows(text, "color", colors);
  return text;
}

}  // namespace async::detail
