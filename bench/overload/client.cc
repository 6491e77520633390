// See client.h.
#include "bench/overload/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "bench/support/measure.h"

namespace bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

std::int64_t now_ns() { return nanoseconds(clock::now().time_since_epoch()).count(); }

constexpr std::int64_t in_ns(nanoseconds n) { return n.count(); }

}  // namespace

overload_result be_clients(const std::vector<int>& connections, double per_second) {
  std::mt19937_64 random(1);
  std::exponential_distribution<double> gap(per_second / 1e9);
  const std::int64_t begin = now_ns(), counted_from = begin + in_ns(brief() ? 0ms : 500ms),
                     last = begin + in_ns(brief() ? 50ms : 2s), end = last + in_ns(500ms);
  std::vector<pollfd> all;
  for (const int fd : connections) all.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  std::vector<std::int64_t> waits;
  double next = static_cast<double>(begin);
  std::size_t turn = 0;
  for (std::int64_t now = begin; now < end; now = now_ns()) {
    for (; next <= static_cast<double>(std::min(now, last)); next += gap(random)) {
      // What does not fit is lost, as in a network: it counts as not answered.
      const request r{.sent = static_cast<std::int64_t>(next), .taken = 0};
      (void)!send(connections[turn++ % connections.size()], &r, sizeof r, MSG_DONTWAIT);
    }
    poll(all.data(), all.size(), 0);
    for (const pollfd& one : all) {
      if (one.revents == 0) continue;
      std::array<request, 256> answers;
      const ssize_t n = recv(one.fd, answers.data(), sizeof answers, MSG_DONTWAIT);
      for (std::size_t i = 0; n > 0 && i < static_cast<std::size_t>(n) / sizeof(request); ++i) {
        const request& r = answers[i];
        if (r.taken && r.sent >= counted_from) waits.push_back(now_ns() - r.sent);
      }
    }
  }
  std::sort(waits.begin(), waits.end());
  const auto in_time =
      std::upper_bound(waits.begin(), waits.end(), in_ns(overload_deadline)) - waits.begin();
  overload_result result;
  result.goodput = static_cast<double>(in_time) / (static_cast<double>(last - counted_from) / 1e9);
  if (!waits.empty()) {
    result.p50_ms = static_cast<double>(waits[waits.size() / 2]) / 1e6;
    result.p99_ms = static_cast<double>(waits[waits.size() * 99 / 100]) / 1e6;
  }
  return result;
}

}  // namespace bench
