// The tasks as threads.

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "async/err.h"
#include "bench/papers/tasks.h"

namespace papers {

namespace {

// How many more threads may be made, with a tenth left to the rest of the machine, and which limit
// that is.
std::pair<std::size_t, std::string> room_for_threads(std::size_t pid_max) {
  std::pair<std::size_t, std::string> least{SIZE_MAX, ""};
  const auto consider = [&](std::size_t limit, const std::string& name) {
    if (limit * 9 / 10 < least.first) least = {limit * 9 / 10, name};
  };
  if (pid_max != 0) consider(pid_max, "kernel.pid_max");
  for (const std::string name : {"pid_max", "threads-max"}) {
    std::size_t limit = 0;
    if (std::ifstream("/proc/sys/kernel/" + name) >> limit) consider(limit, "kernel." + name);
  }
  rlimit processes{};
  if (::geteuid() != 0 && ::getrlimit(RLIMIT_NPROC, &processes) == 0 &&
      processes.rlim_cur != RLIM_INFINITY)
    consider(processes.rlim_cur, "ulimit -u");
  return least;
}

class thread_tasks {
 public:
  thread_tasks(const task_load& load, bool woken) : load_(load), woken_(woken) {}
  ~thread_tasks();

  task_figures run();

 private:
  // What belongs to one thread; `turn` is 1 when it has been woken for a task.
  struct alignas(64) own {
    thread_tasks* all = nullptr;
    std::size_t n = 0;
    pthread_t thread{};
    std::int64_t since = 0;
    tally count;
    std::atomic<std::uint32_t> turn{0};
  };

  // Of which only what its thread touches becomes memory.
  static constexpr std::size_t stack = 16 * 1024;

  void make_threads();
  void work(own& self);
  void give_turn(own& to);
  void await_turn(own& self);

  const task_load& load_;
  const bool woken_;
  void* stacks_ = MAP_FAILED;
  std::size_t reserved_ = 0;
  std::unique_ptr<own[]> threads_;
  std::size_t made_ = 0;
  std::string limit_;
  std::atomic<bool> go_{false};
  std::atomic<phase> phase_{phase::warming_up};
};

thread_tasks::~thread_tasks() {
  if (stacks_ != MAP_FAILED) ::munmap(stacks_, reserved_);
}

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) {
  return ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word),
                   operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}

void thread_tasks::give_turn(own& to) {
  to.turn.store(1);
  futex(to.turn, FUTEX_WAKE, 1);
}

void thread_tasks::await_turn(own& self) {
  while (self.turn.load() == 0) futex(self.turn, FUTEX_WAIT, 0);
  self.turn.store(0);
}

void thread_tasks::work(own& self) {
  if (woken_) {
    await_turn(self);
  } else {
    while (!go_.load()) go_.wait(false);
  }
  self.since = now_ns();
  for (phase now; (now = phase_.load(std::memory_order_relaxed)) != phase::over;) {
    load_.files.read(self.n);
    const std::int64_t done = now_ns();
    if (now == phase::measuring) {
      ++self.count.done;
      self.count.longest_ns = std::max(self.count.longest_ns, done - self.since);
    }
    self.since = done;
    if (!woken_) {
      ::sched_yield();
    } else {
      give_turn(threads_[(self.n + 1) % made_]);
      await_turn(self);
    }
  }
  // The others sleep: let the next one see that it is over.
  if (woken_) give_turn(threads_[(self.n + 1) % made_]);
}

void thread_tasks::make_threads() {
  const auto [room, limit] = room_for_threads(load_.pid_max);
  const std::size_t wanted = std::min(load_.tasks, room);
  reserved_ = wanted * stack;
  stacks_ = ::mmap(nullptr, reserved_, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stacks_ == MAP_FAILED) async::fatal("no room for the stacks: %s", std::strerror(errno));
  ::madvise(stacks_, reserved_, MADV_NOHUGEPAGE);
  threads_ = std::make_unique<own[]>(wanted);
  if (wanted < load_.tasks) limit_ = limit;
  for (; made_ < wanted; ++made_) {
    own& self = threads_[made_];
    self.all = this;
    self.n = made_;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, static_cast<char*>(stacks_) + made_ * stack, stack);
    const auto run = [](void* it) -> void* {
      static_cast<own*>(it)->all->work(*static_cast<own*>(it));
      return nullptr;
    };
    const int error = pthread_create(&self.thread, &attributes, run, &self);
    pthread_attr_destroy(&attributes);
    if (error == 0) continue;
    limit_ = std::string("pthread_create: ") + std::strerror(error);
    break;
  }
  if (made_ == 0) async::fatal("%s", limit_.c_str());
}

task_figures thread_tasks::run() {
  const double before = resident_bytes();
  make_threads();
  task_figures figures;
  figures.tasks = made_;
  figures.limit = limit_;
  figures.bytes_each = (resident_bytes() - before) / static_cast<double>(made_);
  go_.store(true);
  go_.notify_all();
  // As many tasks run at a time as there are CPUs.
  const std::size_t turns = std::min<std::size_t>(load_.cpus, made_);
  for (std::size_t i = 0; woken_ && i < turns; ++i) give_turn(threads_[i * made_ / turns]);
  figures.seconds = measure_phases(load_, phase_);
  const std::int64_t end = now_ns();
  for (std::size_t i = 0; i < made_; ++i) pthread_join(threads_[i].thread, nullptr);
  for (std::size_t i = 0; i < made_; ++i) {
    figures.done += threads_[i].count.done;
    figures.longest_ns =
        std::max({figures.longest_ns, threads_[i].count.longest_ns,
                  woken_ ? std::int64_t{0} : end - std::min(end, threads_[i].since)});
  }
  return figures;
}

}  // namespace

task_figures run_threads(const task_load& load, bool woken) {
  return thread_tasks(load, woken).run();
}

}  // namespace papers
