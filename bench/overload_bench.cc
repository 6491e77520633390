// The overload group of the benchmarks: a server that sheds load beside the same that does not
// (stages 3 to 5). The load is in bench/overload/; bench/README.md says how to run and read it.

#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
