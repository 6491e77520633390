// The wrap group of the benchmarks: what a callback costs to make, call and destroy, and what a
// handle to one costs to copy and drop, in one thread. Serves stages 2 and 5.
//
// The peers are what one would use instead: a std::function of a std::bind_front, and the least
// that can be done by hand, a virtual function of an object made with new. `bytes` is what one
// callback with its handle takes, the C library's own bookkeeping included.

#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "bench/support/measure.h"
#include "wrap/wrap.h"

namespace {

constexpr std::size_t unit = 10'000;

// The function that is wrapped: known to the compiler as a pointer only, as a server's are.
[[gnu::noinline]] int weigh(int a, int b, int c) {
  benchmark::DoNotOptimize(c);
  return a + b + c;
}

struct by_hand {
  virtual ~by_hand() = default;
  virtual int operator()(int c) = 0;
};
struct two_ints final : by_hand {
  two_ints(int a, int b) : a_(a), b_(b) {}
  int operator()(int c) override { return weigh(a_, b_, c); }
  int a_, b_;
};

// What each engine makes of weigh with two ints bound. The ints vary, so nothing is made once and
// for all.
struct ours {
  using held = async::callback<int, int>::ref;
  static held make(int i) { return async::wrap(&weigh, i, i + 1); }
};
struct std_function {
  using held = std::function<int(int)>;
  static held make(int i) { return std::bind_front(&weigh, i, i + 1); }
};
struct virtual_call {
  class held {
   public:
    explicit held(by_hand* object) : object_(object) {}
    int operator()(int c) const { return (*object_)(c); }

   private:
    std::unique_ptr<by_hand> object_;
  };
  static held make(int i) { return held(new two_ints(i, i + 1)); }
};

std::size_t bytes_in_use() {
  const auto heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

// The memory of one of many callbacks that are alive at once: so many that it does not matter that
// ours come in chunks, and that some are left from before.
template <class Engine>
double bytes_each() {
  constexpr std::size_t count = 1'000'000;
  std::vector<std::optional<typename Engine::held>> all(count);
  const std::size_t before = bytes_in_use();
  for (std::size_t i = 0; i < count; i++) all[i].emplace(Engine::make(static_cast<int>(i)));
  const std::size_t blocks = bytes_in_use() - before;
  return static_cast<double>(blocks) / count + sizeof(typename Engine::held);
}

template <class Engine>
void make_call_destroy(benchmark::State& state) {
  bench::measure(state, unit, [](std::size_t n) {
    for (std::size_t i = 0; i < n; i++) {
      auto cb = Engine::make(static_cast<int>(i));
      benchmark::DoNotOptimize(cb);  // elsewhere, as far as the compiler knows
      benchmark::DoNotOptimize(cb(7));
    }
  });
  static const double bytes = bytes_each<Engine>();  // once: the cache keeps what it got
  state.counters["bytes"] = bytes;
}

template <class Engine>
void call(benchmark::State& state) {
  auto cb = Engine::make(1);
  bench::measure(state, unit, [&cb](std::size_t n) {
    for (std::size_t i = 0; i < n; i++) {
      benchmark::DoNotOptimize(cb);
      benchmark::DoNotOptimize(cb(7));
    }
  });
}

template <class Handle>
void copy_drop(benchmark::State& state, const Handle& handle) {
  bench::measure(state, unit, [&handle](std::size_t n) {
    for (std::size_t i = 0; i < n; i++) {
      Handle copy = handle;
      benchmark::DoNotOptimize(copy);
    }
  });
}

[[maybe_unused]] const bool registered = [] {
  // A std::shared_ptr counts without atomics until the process has had a second thread.
  std::thread([] {}).join();
  bench::add("wrap/two_ints", "ours", make_call_destroy<ours>);
  bench::add("wrap/two_ints", "peer:std::function", make_call_destroy<std_function>);
  bench::add("wrap/two_ints", "peer:new_and_virtual", make_call_destroy<virtual_call>);
  bench::add("wrap/call", "ours", call<ours>);
  bench::add("wrap/call", "peer:std::function", call<std_function>);
  bench::add("wrap/call", "peer:new_and_virtual", call<virtual_call>);
  bench::add("wrap/copy_handle", "ours",
             [](benchmark::State& state) { copy_drop(state, ours::make(1)); });
  bench::add("wrap/copy_handle", "peer:std::shared_ptr", [](benchmark::State& state) {
    copy_drop(state, std::shared_ptr<by_hand>(new two_ints(1, 2)));
  });
  return true;
}();

}  // namespace

BENCHMARK_MAIN();
