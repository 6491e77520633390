// What threads cost; see costs.h.

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/papers/costs.h"
#include "bench/papers/tasks.h"

namespace papers {

namespace {

double ns_for_each(std::size_t count, std::int64_t began) {
  return static_cast<double>(now_ns() - began) / static_cast<double>(count);
}

// What the kernel has in stacks, page tables and slabs: of the whole machine.
double kernel_bytes() {
  std::ifstream info("/proc/meminfo");
  std::string name, unit;
  double sum = 0, kib = 0;
  while (info >> name >> kib) {
    std::getline(info, unit);
    if (name == "KernelStack:" || name == "PageTables:" || name == "Slab:") sum += kib * 1024;
  }
  return sum;
}

double creation(std::size_t count) {
  const std::int64_t began = now_ns();
  for (std::size_t i = 0; i < count; ++i) std::thread([] {}).join();
  return ns_for_each(count, began);
}

// Two threads on one CPU, each of which does nothing but let the other run.
double yield_switch(std::size_t count) {
  const auto yield = [count] {
    for (std::size_t i = 0; i < count; ++i) ::sched_yield();
  };
  const std::int64_t began = now_ns();
  std::thread other(yield);
  yield();
  other.join();
  return ns_for_each(2 * count, began);
}

// The same, where each sleeps until the other wakes it.
double wake_switch(std::size_t count) {
  std::atomic<std::uint32_t> turn{0};
  const auto alternate = [&](std::uint32_t mine) {
    for (std::size_t i = 0; i < count; ++i) {
      turn.wait(1 - mine);
      turn.store(1 - mine);
      turn.notify_one();
    }
  };
  const std::int64_t began = now_ns();
  std::thread other(alternate, 1);
  alternate(0);
  other.join();
  return ns_for_each(2 * count, began);
}

double lock(std::size_t count) {
  std::mutex mutex;
  const std::int64_t began = now_ns();
  for (std::size_t i = 0; i < count; ++i) {
    const std::lock_guard held(mutex);
    asm volatile("" ::: "memory");
  }
  return ns_for_each(count, began);
}

// Threads that wait, each with the smallest stack that there is.
void memory(std::size_t count, costs& into) {
  std::atomic<bool> over{false};
  const double before = resident_bytes(), kernel = kernel_bytes();
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, static_cast<std::size_t>(PTHREAD_STACK_MIN));
  std::vector<pthread_t> threads(count);
  const auto wait = [](void* it) -> void* {
    static_cast<std::atomic<bool>*>(it)->wait(false);
    return nullptr;
  };
  std::size_t made = 0;
  while (made < count && pthread_create(&threads[made], &attributes, wait, &over) == 0) ++made;
  pthread_attr_destroy(&attributes);
  const auto each = static_cast<double>(made);
  into["memory_bytes"] = (resident_bytes() - before) / each;
  into["kernel_bytes"] = (kernel_bytes() - kernel) / each;
  over = true;
  over.notify_all();
  for (std::size_t i = 0; i < made; ++i) pthread_join(threads[i], nullptr);
}

// A store with a lock.
class store {
 public:
  explicit store(std::size_t room) : room_(room) {}

  void put() {
    std::unique_lock held(mutex_);
    not_full_.wait(held, [this] { return items_ < room_ || over_; });
    ++items_;
    not_empty_.notify_one();
  }
  // False when it is over.
  bool take() {
    std::unique_lock held(mutex_);
    not_empty_.wait(held, [this] { return items_ > 0 || over_; });
    if (over_) return false;
    --items_;
    ++taken_;
    not_full_.notify_one();
    return true;
  }
  std::size_t taken() {
    const std::lock_guard held(mutex_);
    return taken_;
  }
  bool over() {
    const std::lock_guard held(mutex_);
    return over_;
  }
  void end() {
    const std::lock_guard held(mutex_);
    over_ = true;
    not_full_.notify_all();
    not_empty_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable not_full_, not_empty_;
  const std::size_t room_;
  std::size_t items_ = 0, taken_ = 0;  // guarded by mutex_, as is over_
  bool over_ = false;
};

}  // namespace

costs costs_of_threads(std::size_t count) {
  costs found;
  memory(count, found);
  found["create"] = creation(count);
  found["yield"] = yield_switch(count * 10);
  found["wake"] = wake_switch(count);
  found["lock"] = lock(count * 1000);
  return found;
}

double items_of_threads(unsigned, std::size_t pairs, std::size_t room, double seconds) {
  store shared(room);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < pairs; ++i) {
    threads.emplace_back([&] {
      while (!shared.over()) shared.put();
    });
    threads.emplace_back([&] {
      while (shared.take()) {}
    });
  }
  const auto sleep = std::chrono::duration<double>(seconds / 4);
  std::this_thread::sleep_for(sleep);
  const std::size_t before = shared.taken();
  const std::int64_t began = now_ns();
  std::this_thread::sleep_for(3 * sleep);
  const auto items = static_cast<double>(shared.taken() - before);
  const double elapsed = static_cast<double>(now_ns() - began) * 1e-9;
  shared.end();
  for (std::thread& thread : threads) thread.join();
  return items / elapsed;
}

}  // namespace papers
