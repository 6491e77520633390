// See metrics.h.
#include "examples/sfsd/server/metrics.h"

#include <time.h>

#include <algorithm>
#include <bit>
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <mutex>
#include <vector>

#include "examples/sfsd/nfs/protocol.h"
#include "mp/colored.h"

namespace sfs {
namespace metrics {
namespace {

constexpr const char* procedure_names[nfs_procedures] = {
    "NULL",    "GETATTR",     "SETATTR", "LOOKUP", "ACCESS",   "READLINK", "READ",   "WRITE",
    "CREATE",  "MKDIR",       "SYMLINK", "MKNOD",  "REMOVE",   "RMDIR",    "RENAME", "LINK",
    "READDIR", "READDIRPLUS", "FSSTAT",  "FSINFO", "PATHCONF", "COMMIT"};
constexpr const char* kind_names[work_kinds] = {"crypto", "io", "files", "tables", "disk"};
constexpr unsigned first_bucket_us = 16;

const auto started = std::chrono::steady_clock::now();

// All threads' counts. A thread that ends leaves its own here.
struct registry {
  std::mutex mutex;
  std::vector<std::unique_ptr<counts>> all;  // guarded by the mutex
};

// Never destroyed: threads may count until the very end.
registry& everybody() noexcept {
  static registry* const r = new registry;
  return *r;
}

using member = counts::counter counts::*;

// Sums of all threads' counters.
class sums {
 public:
  sums() : lock_(everybody().mutex) {}

  template <class Get>
  std::uint64_t of(Get get) const {
    std::uint64_t sum = 0;
    for (const auto& c : everybody().all) sum += get(*c).load(std::memory_order_relaxed);
    return sum;
  }
  std::uint64_t of(member m) const {
    return of([m](const counts& c) -> const counts::counter& { return c.*m; });
  }

 private:
  std::scoped_lock<std::mutex> lock_;
};

// Lines of Prometheus's format.
class lines {
 public:
  void family(const char* name, const char* type, const char* help) {
    name_ = name;
    text_ += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
  }
  void value(const std::string& labels, std::uint64_t v) {
    text_ += name_ + labels + " " + std::to_string(v) + "\n";
  }
  void seconds(const std::string& suffix, std::uint64_t ns) {
    char number[32];
    std::snprintf(number, sizeof number, "%.9g", static_cast<double>(ns) * 1e-9);
    text_ += name_ + suffix + " " + number + "\n";
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_, text_;
};

std::string label(const char* name, const std::string& value) {
  return std::string("{") + name + "=\"" + value + "\"}";
}

void put_operations(lines& out, const sums& s) {
  out.family("sfs_operations_total", "counter", "Calls that were answered.");
  for (std::size_t i = 0; i < nfs_procedures + other_programs; ++i) {
    const auto n = s.of([i](const counts& c) -> const counts::counter& { return c.operations[i]; });
    const char* program = i < nfs_procedures ? "nfs" : i == nfs_procedures ? "mount" : "sfs";
    const char* procedure = i < nfs_procedures ? procedure_names[i] : "";
    out.value(std::string("{program=\"") + program + "\",procedure=\"" + procedure + "\"}", n);
  }
}

void put_latency(lines& out, const sums& s) {
  out.family("sfs_batch_seconds", "histogram",
             "From opening a client's calls to having their replies ready to be sent.");
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < counts::buckets; ++i) {
    below += s.of([i](const counts& c) -> const counts::counter& { return c.latency[i]; });
    char bound[32] = "+Inf";
    if (i + 1 < counts::buckets)
      std::snprintf(bound, sizeof bound, "%.6f", static_cast<double>(first_bucket_us << i) * 1e-6);
    out.value("_bucket" + label("le", bound), below);
  }
  out.seconds("_sum", s.of(&counts::latency_ns));
  out.value("_count", below);
}

}  // namespace

counts& mine() noexcept {
  thread_local counts* const c = [] {
    const async::unchecked of_the_thread;  // used by any color that this thread runs
    registry& r = everybody();
    const std::scoped_lock lock(r.mutex);
    return r.all.emplace_back(std::make_unique<counts>()).get();
  }();
  return *c;
}

void count_operation(std::uint32_t program, std::uint32_t procedure) noexcept {
  std::size_t i = nfs_procedures;
  if (program == NFS_PROGRAM && procedure < nfs_procedures)
    i = procedure;
  else if (program == SFS_PROGRAM)
    i = nfs_procedures + 1;
  else if (program != MOUNT_PROGRAM)
    return;
  add(mine().operations[i], 1);
}

void count_latency(std::chrono::nanoseconds time) noexcept {
  const auto ns = static_cast<std::uint64_t>(time.count());
  const std::uint64_t units = ns / 1000 / first_bucket_us;  // 0: below the first bound
  const auto bucket = static_cast<std::size_t>(std::bit_width(units));
  add(mine().latency[std::min(bucket, counts::buckets - 1)], 1);
  add(mine().latency_ns, ns);
}

std::string text(std::size_t clients) {
  const sums s;
  lines out;
  const auto up = std::chrono::steady_clock::now() - started;
  out.family("sfs_uptime_seconds", "gauge", "Since the server was started.");
  out.seconds("", static_cast<std::uint64_t>(std::chrono::nanoseconds(up).count()));
  out.family("sfs_clients", "gauge", "Connections that there are.");
  out.value("", clients);
  out.family("sfs_connections_total", "counter", "Connections that were accepted.");
  out.value("", s.of(&counts::connections));
  out.family("sfs_turned_away_total", "counter", "Connections for which there was no room.");
  out.value("", s.of(&counts::turned_away));
  out.family("sfs_drops_total", "counter", "Connections that the server has cut.");
  out.value("", s.of(&counts::drops));
  out.family("sfs_logins_total", "counter", "Logins of users.");
  out.value(label("result", "ok"), s.of(&counts::logins));
  out.value(label("result", "refused"), s.of(&counts::refused_logins));
  put_operations(out, s);
  out.family("sfs_bytes_total", "counter", "Bytes on the wire.");
  out.value(label("direction", "received"), s.of(&counts::bytes_in));
  out.value(label("direction", "sent"), s.of(&counts::bytes_out));
  put_latency(out, s);
  out.family("sfs_cpu_seconds_total", "counter",
             "CPU time by the color of the work, estimated from one round in 32.");
  for (std::size_t i = 0; i < work_kinds; ++i)
    out.seconds(label("color", kind_names[i]),
                s.of([i](const counts& c) -> const counts::counter& { return c.cpu_ns[i]; }));
  return out.take();
}

}  // namespace metrics

namespace {

std::uint64_t thread_cpu_ns() noexcept {
  timespec t;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(t.tv_nsec);
}

}  // namespace

void round_meter::begin_round() noexcept { measuring_ = rounds_++ % one_in == 0; }

void round_meter::start(work_kind kind) noexcept {
  kind_ = kind;
  since_ = thread_cpu_ns();
}

void round_meter::stop() noexcept {
  auto& total = metrics::mine().cpu_ns[static_cast<std::size_t>(kind_)];
  metrics::add(total, (thread_cpu_ns() - since_) * one_in);
}

}  // namespace sfs
