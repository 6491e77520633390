// The fds group of the benchmarks: readiness and registration (stages 1 and 2) against bare libev
// and raw epoll. The loads are in bench/fds/; bench/README.md says how to run and read them.

#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
