// Loads a server of static files as the papers did (Knot against Haboob): many clients, each with
// one request under way at a time. Prints what it found as JSON. bench/answer_papers runs it.

#include <sys/resource.h>
#include <time.h>

#include <barrier>
#include <cstdio>
#include <memory>
#include <thread>

#include "async/err.h"
#include "bench/papers/http_client.h"
#include "bench/papers/shares.h"
#include "bench/support/placement.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/load/usage.h"

namespace {

constexpr const char* help = R"(usage: http_load [OPTION...] PORT DIRECTORY LIST

Asks a server on this machine for files over and over, and prints what it found as JSON. A line of
LIST is a weight and the name of a file in DIRECTORY, which the server serves.

  --clients N         connections (default 16)
  --threads N         of this program, each with its share of the clients (default 1); each is bound
                      to a CPU of those that the program may use, counted from the last
  --time MS           to measure, in milliseconds (default 2000)
  --warmup MS         before that (default 500)
  --workers N         divide the clients equally among so many of the server's processes, which say
                      who they are in a header, X-Worker (default 1: do not)
  --server-pid LIST   also report these processes' CPU time and run delay
  --hold              measure nothing: let each client ask once, print `ready`, and keep the
                      connections open until the standard input ends
)";

using papers::http_clients;
using papers::phase;

struct settings {
  std::size_t clients, threads;
  unsigned workers;
  std::uint64_t time_ms, warmup_ms;
  std::vector<std::string> server;
  bool hold;
};

std::vector<std::string> divided(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    parts.push_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

settings settings_from(sfs::command_line& line) {
  return {.clients = line.number("--clients", 16, 1, 60'000),
          .threads = line.number("--threads", 1, 1, 64),
          .workers = static_cast<unsigned>(line.number("--workers", 1, 1, 64)),
          .time_ms = line.number("--time", 2000, 1, 600'000),
          .warmup_ms = line.number("--warmup", 500, 0, 600'000),
          .server = divided(line.value_or("--server-pid", "")),
          .hold = line.flag("--hold")};
}

void allow_files(std::size_t count) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur >= count) return;
  files.rlim_cur = count;
  files.rlim_max = std::max<rlim_t>(files.rlim_max, count);
  if (::setrlimit(RLIMIT_NOFILE, &files) < 0)
    async::fatal("%zu open files are not allowed (ulimit -n)", count);
}

class load {
 public:
  load(const settings& chosen, std::uint16_t port, const papers::request_mix& mix);
  void measure();
  void hold();
  void print() const;

 private:
  const settings& settings_;
  std::vector<std::unique_ptr<http_clients>> threads_;
  double seconds_ = 0, own_cpu_s_ = 0;
  sfs::cpu_usage server_;
};

load::load(const settings& chosen, std::uint16_t port, const papers::request_mix& mix)
    : settings_(chosen) {
  for (std::size_t i = 0; i < chosen.threads; ++i) {
    const std::size_t from = chosen.clients * i / chosen.threads;
    const std::size_t to = chosen.clients * (i + 1) / chosen.threads;
    threads_.push_back(std::make_unique<http_clients>(
        papers::client_options{
            .port = port, .clients = to - from, .workers = chosen.workers, .first = from},
        mix));
  }
}

void load::hold() {
  for (auto& clients : threads_) clients->connect();
  std::puts("ready");
  std::fflush(stdout);
  while (std::getchar() != EOF) {}
}

sfs::cpu_usage since(const sfs::cpu_usage& before, const std::vector<std::string>& pids) {
  const sfs::cpu_usage now = sfs::usage_of(pids);
  return {now.cpu_s - before.cpu_s, now.delay_s - before.delay_s};
}

// The CPU time of all threads of this process, also of those that have ended.
double cpu_s() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void load::measure() {
  const auto sleep = [](std::uint64_t ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
  };
  std::atomic<phase> now{phase::warming_up};
  std::barrier<> connected(static_cast<std::ptrdiff_t>(threads_.size()) + 1);
  std::vector<std::jthread> running;
  for (std::size_t i = 0; i < threads_.size(); ++i)
    running.emplace_back([&, i] {
      bench::pin_to(bench::cpu_count() - 1 - static_cast<unsigned>(i % bench::cpu_count()));
      threads_[i]->connect();
      connected.arrive_and_wait();
      threads_[i]->run(now);
    });
  connected.arrive_and_wait();
  sleep(settings_.warmup_ms);
  const sfs::cpu_usage server = sfs::usage_of(settings_.server);
  const double own = cpu_s();
  const auto began = papers::steady::now();
  now = phase::measuring;
  sleep(settings_.time_ms);
  now = phase::over;
  seconds_ = std::chrono::duration<double>(papers::steady::now() - began).count();
  own_cpu_s_ = cpu_s() - own;
  server_ = since(server, settings_.server);
}

void load::print() const {
  papers::client_counts sum;
  papers::shares shares;
  for (const auto& clients : threads_) {
    const papers::client_counts& c = clients->counts();
    sum.replies += c.replies;
    sum.bytes += c.bytes;
    sum.compared += c.compared;
    sum.closed += c.closed;
    sum.wrong += c.wrong;
    sum.refused += c.refused;
    sum.waited += c.waited;
    sum.longest = std::max(sum.longest, c.longest);
    for (const std::uint64_t served : clients->served()) shares.add(served);
  }
  const auto us = [](auto d) { return std::chrono::duration<double, std::micro>(d).count(); };
  const double replies = static_cast<double>(sum.replies);
  std::printf("{\"clients\": %zu, \"seconds\": %.3f, \"replies\": %.0f, \"bytes\": %.0f,\n",
              shares.clients(), seconds_, replies, static_cast<double>(sum.bytes));
  std::printf(" \"compared\": %ju, \"closed\": %ju, \"wrong\": %ju, \"refused\": %ju,\n",
              std::uintmax_t{sum.compared}, std::uintmax_t{sum.closed}, std::uintmax_t{sum.wrong},
              std::uintmax_t{sum.refused});
  std::printf(" \"mean_us\": %.1f, \"longest_us\": %.1f,\n",
              sum.replies ? us(sum.waited) / replies : 0.0, us(sum.longest));
  std::printf(
      " \"served_least\": %ju, \"served_most\": %ju, \"starved\": %zu, \"fairness\": %.4f,\n",
      std::uintmax_t{shares.least()}, std::uintmax_t{shares.most()}, shares.starved(),
      shares.index());
  std::printf(" \"client_cpu_s\": %.3f, \"server_cpu_s\": %.3f, \"server_delay_s\": %.3f}\n",
              own_cpu_s_, server_.cpu_s, server_.delay_s);
}

}  // namespace

int main(int argc, char** argv) {
  sfs::command_line line(argc, argv, help);
  const settings chosen = settings_from(line);
  const auto words = line.rest(3);
  if (words.size() != 3) sfs::command_line::wrong("say PORT, DIRECTORY and LIST");
  const unsigned long port = std::strtoul(words[0].c_str(), nullptr, 10);
  if (port == 0 || port > 65535) sfs::command_line::wrong("PORT is from 1 to 65535");
  allow_files(chosen.clients + 100);
  const papers::request_mix mix(words[1], words[2]);
  load all(chosen, static_cast<std::uint16_t>(port), mix);
  if (chosen.hold) {
    all.hold();
  } else {
    all.measure();
    all.print();
  }
  sfs::command_line::finish_output();
}
