// See report.h.
#include "examples/sfsd/load/report.h"

#include <algorithm>
#include <cstdio>

namespace sfs {
namespace {

double at(const std::vector<float>& sorted, double part) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

void print_latencies(const std::vector<float>& sorted) {
  std::printf("{\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"max\": %.1f}", at(sorted, 0.5),
              at(sorted, 0.9), at(sorted, 0.99), at(sorted, 1));
}

void print_operations(const load_totals& totals, double seconds) {
  const char* separator = "";
  for (std::size_t i = 0; i < operations; ++i) {
    const auto& o = totals.by_operation[i];
    if (o.count == 0) continue;
    std::printf("%s\"%s\": {\"count\": %llu, \"per_s\": %.1f, \"latency_us\": ", separator,
                name_of(static_cast<operation>(i)).data(), static_cast<unsigned long long>(o.count),
                static_cast<double>(o.count) / seconds);
    print_latencies(o.latencies_us);
    std::printf("}");
    separator = ", ";
  }
}

}  // namespace

void print_report(const load_report& r, load_totals& totals) {
  std::vector<float> all;
  for (auto& o : totals.by_operation) {
    std::sort(o.latencies_us.begin(), o.latencies_us.end());
    all.insert(all.end(), o.latencies_us.begin(), o.latencies_us.end());
  }
  std::sort(all.begin(), all.end());
  const auto replies = static_cast<double>(totals.replies);
  const auto moved = static_cast<double>(totals.bytes);
  std::printf(
      "{\"op\": \"%s\", \"suite\": \"%s\", \"connections\": %u, \"size\": %u, \"window\": %u, "
      "\"seconds\": %.3f, \"replies\": %llu, \"checked\": %llu, \"ops_per_s\": %.1f, "
      "\"bytes\": %llu, \"mb_per_s\": %.2f, \"client_cpu_s\": %.3f, \"server_cpu_s\": %.3f, "
      "\"server_delay_s\": %.3f, \"server_cpu_us_per_op\": %.3f, \"server_cpu_s_per_gb\": %.4f, "
      "\"latency_us\": ",
      r.load.c_str(), r.suite.c_str(), r.connections, r.options.size, r.options.window, r.seconds,
      static_cast<unsigned long long>(totals.replies),
      static_cast<unsigned long long>(totals.checked), replies / r.seconds,
      static_cast<unsigned long long>(totals.bytes), moved / r.seconds / 1e6, r.client_cpu_s,
      r.server.cpu_s, r.server.delay_s, totals.replies ? r.server.cpu_s / replies * 1e6 : 0,
      totals.bytes ? r.server.cpu_s / (moved / 1e9) : 0);
  print_latencies(all);
  std::printf(", \"by_operation\": {");
  print_operations(totals, r.seconds);
  std::printf("}}\n");
}

}  // namespace sfs
