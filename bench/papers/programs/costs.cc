// Measures what threads or callbacks cost and prints it as JSON. bench/answer_papers runs it.

#include "bench/papers/costs.h"

#include <cstdio>

#include "bench/support/placement.h"
#include "examples/sfsd/base/command_line.h"

namespace {

constexpr const char* help = R"(usage: costs [OPTION...] threads|callbacks

Measures, on one CPU, creating, switching and locking, in nanoseconds, and memory in bytes; or, with
--pairs, how many items per second producers hand to consumers. Prints JSON.

  --count N   how often, to begin with (default 10000); what is cheap is done more often
  --pairs N   of a producer and a consumer
  --room N    for so many items between them (default 64)
  --time MS   to measure pairs, in milliseconds (default 1000)
  --cpus N    for pairs (default 1)
)";

void print(const papers::costs& found) {
  const char* before = "{";
  for (const auto& [name, value] : found) {
    std::printf("%s\"%s\": %.2f", before, name.c_str(), value);
    before = ", ";
  }
  std::puts("}");
}

}  // namespace

int main(int argc, char** argv) {
  sfs::command_line line(argc, argv, help);
  const std::size_t count = line.number("--count", 10'000, 1, 1'000'000);
  const std::size_t pairs = line.number("--pairs", 0, 1, 10'000);
  const std::size_t room = line.number("--room", 64, 1, 1'000'000);
  const double seconds = static_cast<double>(line.number("--time", 1000, 4, 60'000)) / 1000;
  const auto cpus = static_cast<unsigned>(line.number("--cpus", 1, 1, bench::cpu_count()));
  const auto words = line.rest(1);
  if (words.size() != 1 || (words[0] != "threads" && words[0] != "callbacks"))
    sfs::command_line::wrong("say threads or callbacks");
  const bool threads = words[0] == "threads";
  bench::confine_to_first(cpus);
  if (pairs == 0) {
    print(threads ? papers::costs_of_threads(count) : papers::costs_of_callbacks(count));
  } else {
    const auto measure = threads ? &papers::items_of_threads : &papers::items_of_callbacks;
    print({{"items_per_s", measure(cpus, pairs, room, seconds)}});
  }
  sfs::command_line::finish_output();
}
