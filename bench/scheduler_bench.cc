// The scheduler group of the benchmarks: posting, dequeuing and running (stages 3 to 5) against
// Asio's strands and TBB's serial nodes, waking an idle runtime, and memory. The loads are in
// bench/scheduler/; bench/README.md says how to run and read them.

#include <benchmark/benchmark.h>

#include <string_view>

#include "bench/scheduler/memory.h"

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--measure-memory")
    return bench::measure_memory(argv[2]);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
