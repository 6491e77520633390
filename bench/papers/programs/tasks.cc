// Measures one number of tasks run one way, in a process of its own, and prints the figures as
// JSON. bench/answer_papers runs it over and over.

#include "bench/papers/tasks.h"

#include <cstdio>

#include "bench/support/placement.h"
#include "examples/sfsd/base/command_line.h"

namespace {

constexpr const char* help = R"(usage: tasks [OPTION...] WAY

Runs tasks, each of which reads 8 KiB of a cached file, and prints what it found as JSON. WAY is

  callbacks      a callback under a color of its own for each
  yielding       a thread for each, which yields when its task is done
  woken          a thread for each, which wakes the next one when its task is done, and sleeps

  --tasks N      in flight at a time (default 1)
  --cpus N       (default 1)
  --warmup S     in milliseconds (default 500)
  --time S       to measure, in milliseconds (default 2000)
  --pid-max N    kernel.pid_max of the machine, for a run in a namespace, which has its own
  --directory D  where to make the files (default /tmp)
)";

}  // namespace

int main(int argc, char** argv) {
  sfs::command_line line(argc, argv, help);
  const std::string directory = line.value_or("--directory", "/tmp");
  const papers::cached_files files(directory);
  const papers::task_load load{
      .tasks = line.number("--tasks", 1, 1, 10'000'000),
      .pid_max = line.number("--pid-max", 0, 1, 1 << 22),
      .cpus = static_cast<unsigned>(line.number("--cpus", 1, 1, bench::cpu_count())),
      .warmup_s = static_cast<double>(line.number("--warmup", 500, 0, 60'000)) / 1000,
      .seconds = static_cast<double>(line.number("--time", 2000, 1, 600'000)) / 1000,
      .files = files};
  const auto words = line.rest(1);
  if (words.size() != 1) sfs::command_line::wrong("say WAY");
  bench::confine_to_first(load.cpus);
  papers::task_figures figures;
  if (words[0] == "callbacks")
    figures = papers::run_callbacks(load);
  else if (words[0] == "yielding" || words[0] == "woken")
    figures = papers::run_threads(load, words[0] == "woken");
  else
    sfs::command_line::wrong("there is no way " + words[0]);
  const double rate = static_cast<double>(figures.done) / figures.seconds;
  std::printf(
      "{\"tasks\": %zu, \"limit\": \"%s\", \"per_s\": %.0f, \"mean_us\": %.3f, \"max_us\": %.3f, "
      "\"bytes_each\": %.0f}\n",
      figures.tasks, figures.limit.c_str(), rate, static_cast<double>(figures.tasks) / rate * 1e6,
      static_cast<double>(figures.longest_ns) * 1e-3, figures.bytes_each);
  sfs::command_line::finish_output();
}
