// memory: what a pending callback and an idle color cost, in bytes of resident memory per item over
// a million items (stage 3, posting). What the kernel counts includes everything: headers, padding,
// caches. Each is measured in a fresh process; see memory.h.
//
//   pending_callback/post    a lambda with two captured words, posted to a held color
//   pending_callback/cpucb   cpucb(cwrap(color, function, word, word))
//   idle_color               a color that is idle, has run a callback, and is still referenced; its
//                            one handle is counted as well
//   unreferenced_color       what is left per color after it has run and its last handle is gone

#include "bench/scheduler/memory.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <vector>

#include "bench/support/measure.h"
#include "mp/color.h"
#include "mp/runtime.h"

namespace bench {
namespace {

const std::size_t items = brief() ? 100'000 : 1'000'000;
constexpr std::size_t batch = 1'000;

/// Resident bytes of this process, exact (statm may lag by some hundred pages).
double resident_bytes() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  std::string word;
  while (rollup >> word)
    if (word == "Rss:") {
      double kib = 0;
      rollup >> kib;
      return kib * 1024;
    }
  throw std::runtime_error("no Rss in /proc/self/smaps_rollup");
}

/// The growth per item while a running callback queues a million with `queue_one(color)`.
double pending_callback(void (*queue_one)(const async::color&)) {
  async::runtime runtime(async::runtime_options{.cpus = 1});
  runtime.start();
  const async::color color = async::color::fresh();
  double grown = 0;
  finish_line measured;
  async::post(color, [&] {
    queue_one(color);
    const double before = resident_bytes();
    for (std::size_t i = 0; i < items; i++) queue_one(color);
    grown = resident_bytes() - before;
    measured.cross();
  });
  measured.wait();
  runtime.stop();
  return grown / static_cast<double>(items);
}

std::size_t sum;

double posted() {
  return pending_callback([](const async::color& color) {
    const std::size_t a = sum, b = sum + 1;
    async::post(color, [a, b] { sum += a * b; });
  });
}

void add_product(std::size_t a, std::size_t b) { sum += a * b; }

double wrapped() {
  return pending_callback([](const async::color& color) {
    async::cpucb(async::cwrap(color, &add_product, sum, sum + 1));
  });
}

/// Runs a callback on each of `count` colors that `make` gives, some at a time.
void run_on_each(async::runtime& runtime, std::size_t count,
                 const std::function<async::color(std::size_t)>& make) {
  for (std::size_t i = 0; i < count; i += batch) {
    for (std::size_t j = i; j < i + batch; j++) async::post(make(j), [] {});
    runtime.drain();
  }
}

double idle_color() {
  async::runtime runtime(async::runtime_options{.cpus = 1});
  runtime.start();
  run_on_each(runtime, batch, [](std::size_t) { return async::color::fresh(); });
  const double before = resident_bytes();
  std::vector<async::color> kept(items);
  run_on_each(runtime, items, [&](std::size_t i) { return kept[i] = async::color::fresh(); });
  const double grown = resident_bytes() - before;
  runtime.stop();
  return grown / static_cast<double>(items);
}

double unreferenced_color() {
  async::runtime runtime(async::runtime_options{.cpus = 1});
  runtime.start();
  const auto make = [](std::size_t i) {
    return i % 2 == 0 ? async::color::fresh() : async::color(i + 1);
  };
  run_on_each(runtime, items / 10, make);
  const double before = resident_bytes();
  run_on_each(runtime, items, make);
  const double grown = resident_bytes() - before;
  runtime.stop();
  return grown / static_cast<double>(items);
}

const std::map<std::string, double (*)()>& measurements() {
  static const std::map<std::string, double (*)()> all{
      {"pending_callback/post", &posted},
      {"pending_callback/cpucb", &wrapped},
      {"idle_color", &idle_color},
      {"unreferenced_color", &unreferenced_color},
  };
  return all;
}

/// The bytes per item, from a fresh process; NaN if that fails.
double in_fresh_process(const std::string& what) {
  std::FILE* child =
      popen(("/proc/" + std::to_string(getpid()) + "/exe --measure-memory " + what).c_str(), "r");
  if (child == nullptr) return std::nan("");
  double bytes = std::nan("");
  const bool read = std::fscanf(child, "%lf", &bytes) == 1;
  return pclose(child) == 0 && read ? bytes : std::nan("");
}

const bool added = [] {
  for (const auto& measurement : measurements()) {
    const std::string what = measurement.first;
    add("memory/" + what, "ours", [what](benchmark::State& state) {
      for (auto _ : state) {
        const auto start = clock::now();
        const double bytes = in_fresh_process(what);
        if (std::isnan(bytes)) return state.SkipWithError("the measuring process failed");
        state.SetIterationTime(ns_since(start) * 1e-9);
        state.counters["bytes"] = bytes;
      }
    });
  }
  return true;
}();

}  // namespace

int measure_memory(const std::string& what) {
  const auto found = measurements().find(what);
  if (found == measurements().end()) return EXIT_FAILURE;
  // Whole bytes: a few pages more or less say nothing about a million items.
  std::printf("%.0f\n", std::max(0.0, found->second()));
  return EXIT_SUCCESS;
}

}  // namespace bench
