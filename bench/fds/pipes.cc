// fds/pipes: 1,000 and 9,900 pipes (which is what 20,000 fds allow), 1, 10 and 100 of them active,
// on one CPU, against bare libev. Stages 1 to 5. `ns` is the time of one event, with its read and
// its write.

#include <ev.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>

#include "bench/fds/pipe_ring.h"
#include "bench/support/placement.h"

namespace bench {

pipe_ring::pipe_ring(std::size_t pipes) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  for (std::size_t i = 0; i < pipes; i++) {
    std::array<int, 2> ends;
    if (pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0)
      throw std::runtime_error("pipe_ring: too few fds allowed");
    pipes_.push_back(ends);
  }
}

pipe_ring::~pipe_ring() {
  for (const auto& ends : pipes_)
    for (const int fd : ends) close(fd);
}

void pipe_ring::start(std::size_t active, std::size_t events) {
  active_ = active;
  events_ = events;
  timed_ = false;
  begin(std::max(events / 10, active));
}

void pipe_ring::begin(std::size_t events) {
  to_read_ = events;
  to_write_ = events - active_;
  for (std::size_t i = 0; i < active_; i++) write_to(i * pipes_.size() / active_);
}

bool pipe_ring::begin_timed_part() {
  if (timed_) {
    result_ = {ns_since(start_) * 1e-9, process_cpu_ns() - cpu_at_start_};
    return false;
  }
  timed_ = true;
  start_ = clock::now();
  cpu_at_start_ = process_cpu_ns();
  begin(events_);
  return true;
}

namespace {

struct libev_pipe {
  ev_io readable;
  pipe_ring* ring;
  std::size_t index;
};

void on_readable(struct ev_loop* loop, ev_io* watcher, int) {
  auto* at = static_cast<libev_pipe*>(watcher->data);
  if (at->ring->pass_on(at->index)) ev_break(loop, EVBREAK_ALL);
}

void pass_round(benchmark::State& state, void (*on_engine)(pipe_ring&), std::size_t pipes,
                std::size_t active) {
  const placement restored_afterwards;
  pipe_ring ring(pipes);
  confine_to_first(1);
  measure_self_timed(state, 1000, [&](std::size_t events) {
    ring.start(active, events);
    on_engine(ring);
    return ring.result();
  });
}

const bool added = [] {
  for (const std::size_t pipes : {1000u, 9900u})
    for (const std::size_t active : {1u, 10u, 100u}) {
      const std::string name =
          "fds/pipes/cpus:1/pipes:" + std::to_string(pipes) + "/active:" + std::to_string(active);
      add(name, "ours",
          [=](benchmark::State& state) { pass_round(state, &pass_round_on_ours, pipes, active); });
      add(name, "peer:libev",
          [=](benchmark::State& state) { pass_round(state, &pass_round_on_libev, pipes, active); });
    }
  return true;
}();

}  // namespace

void pass_round_on_libev(pipe_ring& ring) {
  struct ev_loop* loop = ev_loop_new(EVBACKEND_EPOLL);
  if (loop == nullptr) throw std::runtime_error("no libev loop");
  std::vector<libev_pipe> pipes(ring.size());
  for (std::size_t i = 0; i < pipes.size(); i++) {
    pipes[i].ring = &ring;
    pipes[i].index = i;
    ev_io_init(&pipes[i].readable, &on_readable, ring.read_end(i), EV_READ);
    pipes[i].readable.data = &pipes[i];
    ev_io_start(loop, &pipes[i].readable);
  }
  ev_run(loop, 0);
  ev_loop_destroy(loop);
}

}  // namespace bench
