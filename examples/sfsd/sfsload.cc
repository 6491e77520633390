// sfsload: how fast can a server serve? Reads one file over and over on several connections,
// cheaply enough that the server is what is measured, and prints what it found as JSON. See
// load/connection.h.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "async/err.h"
#include "async/main.h"
#include "async/timer.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/client/remote.h"
#include "examples/sfsd/load/connection.h"
#include "examples/sfsd/load/usage.h"
#include "wrap/wrap.h"

namespace {

constexpr const char* help = R"(usage: sfsload [OPTION...] PATH FILE

Reads the file PATH (/sfs/@LOCATION,HOSTID/...) of a server over and over. FILE is the same
file on this machine: one reply in 64 is decrypted and compared with it, the others are
thrown away by the kernel, so that the server is the bottleneck.

  --connections N       connections (default 8)
  --size BYTES          of each READ, up to 65536 (default 8192)
  --window N            READs under way on each connection (default 32)
  --seconds S           to measure, up to 60 (default 5)
  --warmup S            before that (default 1)
  --check-every N       replies (default 64; 1 compares all)
  --suite NAME          aes-128-gcm (default), aes-256-gcm or chacha20-poly1305
  --connect LIST        connect there: HOST%PORT, or several separated by commas among which
                        the connections are divided (copies of one server, with one key)
  --server-pid LIST     also report these processes' CPU time and run delay
  --help                this text
)";

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

sfs::const_bytes map_file(const std::string& name) {
  const sfs::fd_owner fd(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat st;
  if (!fd || ::fstat(fd.get(), &st) < 0)
    async::fatal("%s: %s", name.c_str(), sfs::system_reason().c_str());
  if (!S_ISREG(st.st_mode)) async::fatal("%s: it is not a regular file", name.c_str());
  if (st.st_size == 0) async::fatal("%s: it is empty", name.c_str());
  const auto size = static_cast<std::size_t>(st.st_size);
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (at == MAP_FAILED) async::fatal("%s: %s", name.c_str(), sfs::system_reason().c_str());
  return {static_cast<const std::uint8_t*>(at), size};
}

double own_cpu_seconds() {
  rusage u;
  ::getrusage(RUSAGE_SELF, &u);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(u.ru_utime) + seconds(u.ru_stime);
}

class load_run {
 public:
  explicit load_run(sfs::command_line& line) {
    connections_ = static_cast<unsigned>(line.number("--connections", 8, 1, 10'000));
    options_.read_size = static_cast<std::uint32_t>(line.number("--size", 8192, 1, 65536));
    options_.window = static_cast<unsigned>(line.number("--window", 32, 1, 256));
    options_.check_every =
        static_cast<unsigned>(line.number("--check-every", options_.check_every, 1, 1'000'000));
    seconds_ = std::chrono::seconds(line.number("--seconds", 5, 1, 60));
    warmup_ = std::chrono::seconds(line.number("--warmup", 1, 0, 60));
    const std::string name = line.value_or("--suite", "aes-128-gcm");
    const auto suite = sfs::suite_named(name);
    if (!suite) sfs::command_line::wrong("--suite " + name + ": " + sfs::suites_are);
    client_.suites = {*suite};
    for (const std::string& where : split(line.value_or("--connect", ""))) {
      auto location = sfs::server_location::parse(where);
      if (!location) sfs::command_line::wrong("--connect " + where + ": " + location.why());
      places_.push_back(*location);
    }
    pids_ = split(line.value_or("--server-pid", ""));
    for (const std::string& pid : pids_)
      if (!sfs::is_process(pid)) async::fatal("--server-pid: there is no process %s", pid.c_str());
    const auto words = line.rest(2);
    if (words.size() != 2) sfs::command_line::wrong("say PATH and FILE");
    auto path = sfs::self_certifying_path::parse(words[0]);
    if (!path) sfs::command_line::wrong(words[0] + ": " + path.why());
    path_ = *path;
    content_ = map_file(words[1]);
    if (content_.size() < options_.read_size)
      sfs::command_line::wrong("FILE is shorter than --size");
  }

  void connect() {
    const std::uint64_t reads = content_.size() / options_.read_size;
    for (unsigned i = 0; i < connections_; ++i) {
      sfs::client_options o = client_;
      if (!places_.empty()) o.instead = places_[i % places_.size()];
      auto channel = sfs::client_channel::connect(path_, o);
      if (!channel) async::fatal("%s: %s", path_.location.text.c_str(), channel.why().c_str());
      sfs::remote_files files(std::move(*channel));
      auto handle = files.walk(path_.rest);
      if (!handle) async::fatal("%s: %s", path_.rest.c_str(), handle.why().c_str());
      const auto a = files.attributes(*handle);
      if (!a) async::fatal("%s: %s", path_.rest.c_str(), a.why().c_str());
      if (a->size != content_.size()) async::fatal("PATH and FILE are not the same file");
      running_.push_back(std::make_unique<sfs::load_connection>(
          files.channel().take_apart(), std::move(*handle), content_, reads / connections_ * i,
          options_, totals_));
    }
  }

  void run() {
    for (auto& c : running_) c->begin();
    async::delaycb(warmup_, async::wrap(this, &load_run::begin_measuring));
    async::amain({.cpus = 1, .pin = false});
  }

  void print() const {
    const double seconds = std::chrono::duration<double>(ended_ - began_).count();
    const double bytes = static_cast<double>(totals_.replies) * options_.read_size;
    std::printf(
        "{\"suite\": \"%s\", \"connections\": %u, \"read_size\": %u, \"window\": %u, "
        "\"seconds\": %.3f, \"replies\": %llu, \"checked\": %llu, \"mb_per_s\": %.2f, "
        "\"latency_us\": {\"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}, \"client_cpu_s\": %.3f, "
        "\"server_cpu_s\": %.3f, \"server_delay_s\": %.3f, \"server_cpu_s_per_gb\": %.4f}\n",
        sfs::name_of(client_.suites[0]).data(), connections_, options_.read_size, options_.window,
        seconds, static_cast<unsigned long long>(totals_.replies),
        static_cast<unsigned long long>(totals_.checked), bytes / seconds / 1e6, latency(0.5),
        latency(0.99), latency(1), client_cpu_, server_.cpu_s, server_.delay_s,
        server_.cpu_s / (bytes / 1e9));
  }

 private:
  using clock = std::chrono::steady_clock;

  void begin_measuring() {
    totals_ = {};
    began_ = clock::now();
    client_cpu_ = own_cpu_seconds();
    server_ = sfs::usage_of(pids_);
    async::delaycb(seconds_, async::wrap(this, &load_run::end_measuring));
  }

  void end_measuring() {
    ended_ = clock::now();
    client_cpu_ = own_cpu_seconds() - client_cpu_;
    const sfs::cpu_usage now = sfs::usage_of(pids_);
    server_ = {now.cpu_s - server_.cpu_s, now.delay_s - server_.delay_s};
    for (auto& c : running_) c->end();
    std::sort(totals_.latencies_us.begin(), totals_.latencies_us.end());
    async::stop();
  }

  double latency(double part) const {
    const auto& all = totals_.latencies_us;
    if (all.empty()) return 0;
    return all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))];
  }

  sfs::self_certifying_path path_;
  sfs::client_options client_;
  sfs::load_options options_;
  sfs::load_totals totals_;
  unsigned connections_ = 0;
  std::chrono::seconds seconds_{}, warmup_{};
  std::vector<sfs::server_location> places_;
  std::vector<std::string> pids_;
  sfs::const_bytes content_;
  std::vector<std::unique_ptr<sfs::load_connection>> running_;
  clock::time_point began_, ended_;
  double client_cpu_ = 0;
  sfs::cpu_usage server_;
};

}  // namespace

int main(int argc, char** argv) {
  sfs::command_line line(argc, argv, help);
  load_run run(line);
  run.connect();
  run.run();
  run.print();
  sfs::command_line::finish_output();
}
