// What callbacks cost; see costs.h.

#include <chrono>
#include <deque>
#include <semaphore>
#include <thread>
#include <vector>

#include "bench/papers/costs.h"
#include "bench/papers/tasks.h"
#include "mp/color.h"
#include "mp/runtime.h"

namespace papers {

namespace {

double ns_for_each(std::size_t count, std::int64_t began) {
  return static_cast<double>(now_ns() - began) / static_cast<double>(count);
}

// Runs `body` as a callback, and waits for it to call what it is given.
template <class Body>
void run_to_end(Body body) {
  async::runtime runtime(async::runtime_options{.cpus = 1});
  runtime.start();
  std::binary_semaphore ended{0};
  async::post(async::color{}, [&] { body([&ended] { ended.release(); }); });
  ended.acquire();
  runtime.stop();
}

// A color, a callback under it, and its run.
double creation(std::size_t count) {
  double ns = 0;
  run_to_end([&](auto done) {
    const std::int64_t began = now_ns();
    for (std::size_t i = 0; i < count; ++i) {
      const bool last = i + 1 == count;
      async::post(async::color::fresh(), [&ns, began, count, last, done] {
        if (!last) return;
        ns = ns_for_each(count, began);
        done();
      });
    }
  });
  return ns;
}

// Two callbacks of two colors, each of which does nothing but post the other.
struct ping_pong {
  async::color colors[2] = {async::color::fresh(), async::color::fresh()};
  std::size_t left;

  template <class Done>
  void hop(int to, Done done) {
    async::post(colors[to], [this, to, done] {
      if (--left == 0) return done();
      hop(1 - to, done);
    });
  }
};

double color_switch(std::size_t count) {
  ping_pong both{.left = count};
  const std::int64_t began = now_ns();
  run_to_end([&](auto done) { both.hop(0, done); });
  return ns_for_each(count, began);
}

// What needs a color instead of a lock, called where that color already is.
double colored_call(std::size_t count) {
  double ns = 0;
  run_to_end([&](auto done) {
    std::size_t calls = 0;
    const async::cbv call = async::cwrap(async::color{}, [&calls] { ++calls; });
    const std::int64_t began = now_ns();
    for (std::size_t i = 0; i < count; ++i) {
      (*call)();
      asm volatile("" ::: "memory");
    }
    ns = ns_for_each(count, began);
    done();
  });
  return ns;
}

double memory(std::size_t count) {
  double bytes = 0;
  run_to_end([&](auto done) {
    std::size_t ran = 0;
    const double before = resident_bytes();
    for (std::size_t i = 0; i < count; ++i) async::post(async::color::fresh(), [&ran] { ++ran; });
    bytes = (resident_bytes() - before) / static_cast<double>(count);
    done();
  });
  return bytes;
}

// The store is what its color guards; producers and consumers that have to wait are in its lists.
class market {
 public:
  market(std::size_t pairs, std::size_t room) : room_(room) {
    for (std::size_t i = 0; i < pairs; ++i) {
      producers_.push_back(async::color::fresh());
      consumers_.push_back(async::color::fresh());
    }
  }

  void begin() {
    for (std::size_t i = 0; i < producers_.size(); ++i) {
      produce(i);
      async::post(store_, [this, i] { ask(i); });
    }
  }
  std::size_t taken() const noexcept { return taken_.load(std::memory_order_relaxed); }

 private:
  void produce(std::size_t i) {
    async::post(producers_[i], [this, i] { async::post(store_, [this, i] { put(i); }); });
  }
  void consume(std::size_t i) {
    // relaxed: only read as a figure, and written under the store's color alone.
    taken_.store(taken() + 1, std::memory_order_relaxed);
    async::post(consumers_[i], [this, i] { async::post(store_, [this, i] { ask(i); }); });
  }

  // Under the color of the store.
  void put(std::size_t producer) {
    if (!hungry_.empty()) {
      consume(hungry_.front());
      hungry_.pop_front();
    } else if (items_ < room_) {
      ++items_;
    } else {
      return full_.push_back(producer);
    }
    produce(producer);
  }
  void ask(std::size_t consumer) {
    if (items_ == 0) return hungry_.push_back(consumer);
    consume(consumer);
    if (full_.empty()) {
      --items_;
    } else {
      produce(full_.front());
      full_.pop_front();
    }
  }

  const std::size_t room_;
  async::color store_ = async::color::fresh();
  std::vector<async::color> producers_, consumers_;
  std::size_t items_ = 0;                  // guarded by the color, as are the lists
  std::deque<std::size_t> full_, hungry_;  // who waits for room, and who for an item
  std::atomic<std::size_t> taken_{0};
};

}  // namespace

costs costs_of_callbacks(std::size_t count) {
  costs found;
  // First, while there are no blocks of memory that others have left.
  found["memory_bytes"] = memory(count * 100);
  found["create"] = creation(count * 100);
  found["switch"] = color_switch(count * 100);
  found["lock"] = colored_call(count * 1000);
  return found;
}

double items_of_callbacks(unsigned cpus, std::size_t pairs, std::size_t room, double seconds) {
  market all(pairs, room);
  async::runtime runtime(async::runtime_options{.cpus = cpus});
  runtime.start();
  all.begin();
  const auto sleep = std::chrono::duration<double>(seconds / 4);
  std::this_thread::sleep_for(sleep);
  const std::size_t before = all.taken();
  const std::int64_t began = now_ns();
  std::this_thread::sleep_for(3 * sleep);
  const auto items = static_cast<double>(all.taken() - before);
  const double elapsed = static_cast<double>(now_ns() - began) * 1e-9;
  runtime.stop();
  return items / elapsed;
}

}  // namespace papers
