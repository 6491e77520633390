// The timers group of the benchmarks: timers set, fired and cancelled (stage 1) against bare libev.
// The loads are in bench/timers/; bench/README.md says how to run and read them.

#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
