#pragma once
// How every benchmark here is named, timed and reported. Serves no stage: it measures them.
//
// A name is `what/cpus:N/more:M/ours` or `what/cpus:N/more:M/peer:NAME`; the two differ in the last
// part only, and tools/bench_report.py pairs them by the rest. What counts is the user counter
// `ns` (nanoseconds per callback, triple, request, ...) or `bytes`; the time column of Google
// Benchmark is the time of one *unit*, a fixed number of callbacks. `cpu_ns` is the CPU time of all
// threads of the process per callback: on a machine with other work it tells more than `ns`.
//
// Thread safety: for the thread that runs the benchmarks, except `finish_line`.

#include <benchmark/benchmark.h>
#include <time.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <semaphore>
#include <string>
#include <utility>

namespace bench {

using clock = std::chrono::steady_clock;

/// Nanoseconds since `start`.
inline double ns_since(clock::time_point start) {
  return std::chrono::duration<double, std::nano>(clock::now() - start).count();
}

/// The CPU time that this process has used, in ns.
inline double process_cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Whether ASYNC_BENCH_BRIEF asks for a run that shows that the benchmarks work and measures
/// little.
inline bool brief() { return std::getenv("ASYNC_BENCH_BRIEF") != nullptr; }

/// Lets the measuring thread sleep until the last callback has run. `cross` may be called by any
/// thread, once for each `wait`.
class finish_line {
 public:
  void cross() { crossed_.release(); }
  void wait() { crossed_.acquire(); }

 private:
  std::binary_semaphore crossed_{0};
};

/// Registers `function(state)` under a name that ends in the engine's. The time is the one that the
/// benchmark takes itself.
template <class Function>
void add(const std::string& name, const std::string& engine, Function function) {
  benchmark::RegisterBenchmark((name + "/" + engine).c_str(), std::move(function))->UseManualTime();
}

/// Times `run(n)`, which does n operations and returns when they are done. All of Google
/// Benchmark's iterations are one call, so that starting and ending cost nothing that shows; before
/// it one unit is run to warm up.
template <class Run>
void measure(benchmark::State& state, std::size_t unit, Run run) {
  run(unit);
  const std::size_t operations = static_cast<std::size_t>(state.max_iterations) * unit;
  while (state.KeepRunningBatch(state.max_iterations)) {
    const double cpu_before = process_cpu_ns();
    const auto start = clock::now();
    run(operations);
    const double ns = ns_since(start);
    state.SetIterationTime(ns * 1e-9);
    state.counters["ns"] = ns / static_cast<double>(operations);
    state.counters["cpu_ns"] = (process_cpu_ns() - cpu_before) / static_cast<double>(operations);
  }
}

/// What a run that times itself reports.
struct timing {
  double seconds;
  double cpu_ns;
};

/// Like `measure`, for a run that does its own warming up and keeps its own time.
template <class Run>
void measure_self_timed(benchmark::State& state, std::size_t unit, Run run) {
  const std::size_t operations = static_cast<std::size_t>(state.max_iterations) * unit;
  while (state.KeepRunningBatch(state.max_iterations)) {
    const timing took = run(operations);
    state.SetIterationTime(took.seconds);
    state.counters["ns"] = took.seconds * 1e9 / static_cast<double>(operations);
    state.counters["cpu_ns"] = took.cpu_ns / static_cast<double>(operations);
  }
}

}  // namespace bench
