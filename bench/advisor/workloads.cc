// Small programs of known shapes, for bench/advisor_accuracy: what color-advisor predicts of each
// is held beside what is measured.
//
//   usage: workloads NAME SECONDS      on as many CPUs as ASYNC_NCPU says
//
// Prints how many items were done in a second, and for which part of the time in which its threads
// could run they had no CPU: other programs disturb.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "async/err.h"
#include "bench/support/work.h"
#include "mp/color.h"
#include "mp/runtime.h"

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using bench::work;

// The time that this process's threads ran and were runnable without running, in seconds.
struct usage {
  double cpu = 0;
  double delay = 0;
};

usage usage_now() {
  usage sum;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream in(thread.path() / "schedstat");
    double cpu = 0, delay = 0;
    if (in >> cpu >> delay) {
      sum.cpu += cpu / 1e9;
      sum.delay += delay / 1e9;
    }
  }
  return sum;
}

// Counts items until the time is over, and says what the rate was.
class measurement {
 public:
  explicit measurement(std::chrono::duration<double> time)
      : start_(clock::now()),
        end_(start_ + std::chrono::duration_cast<clock::duration>(time)),
        before_(usage_now()) {}

  // An item is done; by callbacks of one color. False when it was the last.
  bool count() {
    if (over_) return false;
    ++items_;
    if (clock::now() < end_) return true;
    over_ = true;
    report();
    async::stop();
    return false;
  }

 private:
  void report() {
    const double seconds = std::chrono::duration<double>(clock::now() - start_).count();
    const usage now = usage_now();
    const double cpu = now.cpu - before_.cpu, delay = now.delay - before_.delay;
    const double rate = static_cast<double>(items_) / seconds;
    std::printf("{\"rate\": %.3f, \"delayed\": %.4f}\n", rate, delay / (cpu + delay));
  }

  const clock::time_point start_;
  const clock::time_point end_;
  const usage before_;
  std::uint64_t items_ = 0;
  bool over_ = false;
};

// Items pass through three stages of 30, 40 and 20 us, each with a color; 64 are under way.
class pipeline {
 public:
  explicit pipeline(measurement& m) : measured_(m) {}
  void begin() {
    for (int i = 0; i != 64; ++i) first_();
  }

 private:
  void read() {
    short_();
    second_();
  }
  void change() {
    long_();
    third_();
  }
  void write() {
    shortest_();
    if (measured_.count()) first_();
  }

  measurement& measured_;
  const work short_ = work::calibrated(30'000), long_ = work::calibrated(40'000),
             shortest_ = work::calibrated(20'000);
  const async::cbv first_ = async::cwrap(async::color::fresh(), this, &pipeline::read);
  const async::cbv second_ = async::cwrap(async::color::fresh(), this, &pipeline::change);
  const async::cbv third_ = async::cwrap(async::color::fresh(), this, &pipeline::write);
};

// 60 us that nothing else can run beside, then 16 parts of 50 us, then 3 us for each to join.
class fork_join {
 public:
  explicit fork_join(measurement& m) : measured_(m) {}
  void begin() { async::cpucb(fork_); }

 private:
  static constexpr int parts = 16;

  void fork() {
    before_();
    for (const async::color& c : colors_) {
      async::post(c, [this] {
        part_();
        join_();
      });
    }
  }
  void join() {
    after_();
    if (++joined_ % parts == 0 && measured_.count()) async::cpucb(fork_);
  }
  static std::vector<async::color> fresh_colors() {
    std::vector<async::color> made(parts);
    for (async::color& c : made) c = async::color::fresh();
    return made;
  }

  measurement& measured_;
  const work before_ = work::calibrated(60'000), part_ = work::calibrated(50'000),
             after_ = work::calibrated(3'000);
  const std::vector<async::color> colors_ = fresh_colors();
  const async::color own_ = async::color::fresh();
  const async::cbv fork_ = async::cwrap(own_, this, &fork_join::fork);
  const async::cbv join_ = async::cwrap(own_, this, &fork_join::join);
  int joined_ = 0;
};

// Each item takes 70 us under the one color of a table, and 30 us under one of four others.
class saturated {
 public:
  explicit saturated(measurement& m) : measured_(m) {
    for (int i = 0; i != 4; ++i) {
      rest_.push_back(async::cwrap(async::color::fresh(), this, &saturated::compute));
    }
  }
  void begin() {
    for (int i = 0; i != 16; ++i) table_();
  }

 private:
  void look_up() {
    long_();
    if (measured_.count()) rest_[next_++ % rest_.size()]();
  }
  void compute() {
    short_();
    table_();
  }

  measurement& measured_;
  const work long_ = work::calibrated(70'000), short_ = work::calibrated(30'000);
  const async::cbv table_ = async::cwrap(async::color::fresh(), this, &saturated::look_up);
  std::vector<async::cbv> rest_;
  std::size_t next_ = 0;
};

// Eight clients, each with a color; each item computes for 100 us and sleeps for 200 us, as a
// callback should not, and is counted under the default color.
class blocking {
 public:
  explicit blocking(measurement& m) : measured_(m) {}
  void begin() {
    for (int i = 0; i != 8; ++i) {
      clients_.push_back(std::make_unique<client>(*this));
      clients_.back()->ask();
    }
  }

 private:
  struct client {
    explicit client(blocking& b) : all(b) {}
    void ask() { async::cpucb(async::cwrap(own, this, &client::answer)); }
    void answer() {
      all.work_();
      std::this_thread::sleep_for(200us);
      async::cpucb(async::wrap(this, &client::counted));
    }
    void counted() {
      if (all.measured_.count()) ask();
    }
    blocking& all;
    const async::color own = async::color::fresh();
  };

  measurement& measured_;
  const work work_ = work::calibrated(100'000);
  std::vector<std::unique_ptr<client>> clients_;
};

template <class Workload>
void run(double seconds) {
  measurement measured{std::chrono::duration<double>(seconds)};
  Workload workload(measured);
  workload.begin();
  async::runtime().run();
}

constexpr struct {
  std::string_view name;
  void (*run)(double seconds);
} workloads[] = {{"pipeline", &run<pipeline>},
                 {"fork_join", &run<fork_join>},
                 {"saturated", &run<saturated>},
                 {"blocking", &run<blocking>}};

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) {
    for (const auto& w : workloads) {
      if (w.name == argv[1]) {
        w.run(std::atof(argv[2]));
        return 0;
      }
    }
  }
  async::fatal("usage: workloads pipeline|fork_join|saturated|blocking SECONDS");
}
