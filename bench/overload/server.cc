// A server on one CPU, whose work is done by a stage of one color, with and without shedding.
#include <benchmark/benchmark.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <vector>

#include "async/async.h"
#include "bench/overload/client.h"
#include "bench/support/measure.h"

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr auto work = 50us;
constexpr double capacity = 20'000;  // requests per second, were there nothing but the work
constexpr int connection_count = 64;

struct stage {
  void answer(int fd, request r, clock::time_point since) {
    r.taken = !(sheds && shedder.should_shed(since));
    if (r.taken) {
      const auto until = clock::now() + work;
      while (clock::now() < until) {}
    }
    (void)!send(fd, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  void readable(int fd) {
    std::array<request, 64> requests;
    const ssize_t n = recv(fd, requests.data(), sizeof requests, MSG_DONTWAIT);
    const auto now = clock::now();
    for (std::size_t i = 0; n > 0 && i < static_cast<std::size_t>(n) / sizeof(request); ++i)
      async::post(its_color, [this, fd, r = requests[i], now] { answer(fd, r, now); });
  }

  const bool sheds;
  const async::color its_color = async::color::fresh();
  async::load_shedder shedder{};
};

overload_result serve(double load, bool sheds) {
  std::vector<int> ours, theirs;
  for (int i = 0; i < connection_count; ++i) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) std::abort();
    ours.push_back(ends[0]);
    theirs.push_back(ends[1]);
  }
  int result_pipe[2];
  if (pipe(result_pipe) != 0) std::abort();
  const pid_t clients = fork();
  if (clients == 0) {
    const overload_result result = be_clients(theirs, load * capacity);
    (void)!write(result_pipe[1], &result, sizeof result);
    _exit(0);
  }
  stage s{.sheds = sheds};
  for (const int fd : ours) {
    const auto own = async::color::fresh();
    async::fdcb(fd, async::selread, async::cwrap(own, &s, &stage::readable, fd));
  }
  async::chldcb(clients, async::wrap([](int) { async::stop(); }));
  async::amain({.cpus = 1});
  overload_result result;
  if (read(result_pipe[0], &result, sizeof result) != sizeof result) std::abort();
  for (const int fd : ours) async::fdcb(fd, async::selread, nullptr);
  for (const int fd : ours) close(fd);
  for (const int fd : theirs) close(fd);
  for (const int fd : result_pipe) close(fd);
  return result;
}

void run(benchmark::State& state, double load, bool sheds) {
  for (auto _ : state) {
    const overload_result result = serve(load, sheds);
    state.SetIterationTime(1);
    state.counters["goodput"] = result.goodput;
    state.counters["p50_ms"] = result.p50_ms;
    state.counters["p99_ms"] = result.p99_ms;
  }
}

[[maybe_unused]] const int registered = [] {
  for (const int load : {50, 100, 150, 200, 300}) {
    for (const bool sheds : {true, false}) {
      const std::string name =
          "overload/load:" + std::to_string(load) + '/' + (sheds ? "ours" : "peer:no_shedding");
      benchmark::RegisterBenchmark(
          name.c_str(), [=](benchmark::State& state) { run(state, load / 100.0, sheds); })
          ->UseManualTime()
          ->Iterations(1);
    }
  }
  return 0;
}();

}  // namespace
}  // namespace bench
