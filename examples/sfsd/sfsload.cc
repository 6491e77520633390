// sfsload: how fast can a server serve? Makes calls of one kind over and over on several
// connections, cheaply enough that the server is what is measured, and prints what it found as
// JSON. See load/connection.h.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include "async/err.h"
#include "async/main.h"
#include "async/timer.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/load/connection.h"
#include "examples/sfsd/load/report.h"
#include "examples/sfsd/load/setup.h"
#include "examples/sfsd/load/usage.h"
#include "wrap/wrap.h"

namespace {

constexpr const char* help = R"(usage: sfsload [OPTION...] PATH FILE

Reads the file PATH (/sfs/@LOCATION,HOSTID/...) of a server over and over, or does something
else with it. FILE is the same file on this machine: one reply in 64 is decrypted and
compared with it, the others are thrown away by the kernel, so that the server is the
bottleneck. Where not all replies have one length, each is decrypted and checked.

  --op WHAT             one of
                          read         the file from end to end (default)
                          random-read  anywhere in the file
                          getattr      its attributes
                          write        FILE's content to a file of each connection, beside PATH,
                                       named sfsload-write-N
                          create       make a file beside PATH and remove it, again and again
                          mix          80 % read, 10 % getattr, 5 % look up, 5 % write
                          idle         nothing: what does a client cost the --server-pid in memory?
  --connections N       connections (default 8)
  --size BYTES          of each READ and WRITE, up to 65536 (default 8192)
  --window N            calls under way on each connection (default 32)
  --seconds S           to measure, up to 60 (default 5)
  --warmup S            before that (default 1)
  --bytes N             instead of for --seconds, measure until each connection has moved so many,
                        and what was written is stable (COMMIT)
  --check-every N       replies (default 64; 1 checks all)
  --user-key FILE       log in with this key, made by sfskey gen --user
  --suite NAME          aes-128-gcm (default), aes-256-gcm or chacha20-poly1305
  --connect LIST        connect there: HOST%PORT, or several separated by commas among which
                        the connections are divided (copies of one server, with one key)
  --plain               NFS over TCP without a channel, as other servers speak it; PATH is then
                        EXPORT:FILE, and --connect says where
  --mount-port N        where a plain server has MOUNT (default: where it has NFS)
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

// As many file descriptors as we may have: an idle load needs thousands.
void raise_descriptor_limit() {
  rlimit fds;
  if (::getrlimit(RLIMIT_NOFILE, &fds) < 0) return;
  fds.rlim_cur = fds.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &fds);
}

template <class T>
T good(sfs::outcome<T> o, const std::string& what) {
  if (!o) async::fatal("%s: %s", what.c_str(), o.why().c_str());
  return std::move(*o);
}

class load_run {
 public:
  explicit load_run(sfs::command_line& line);

  void connect();
  void run();

 private:
  using clock = std::chrono::steady_clock;

  void take_places(sfs::command_line& line);
  void take_path(const std::string& word);
  sfs::load_setup set_up(unsigned number) const;
  sfs::file_handle directory_of(sfs::load_setup& setup, unsigned number) const;
  std::unique_ptr<sfs::load_files> find_files(sfs::load_setup& setup, unsigned number) const;
  std::size_t measure_reply(sfs::load_setup& setup, sfs::load_files& files) const;
  void run_idle();
  void begin_measuring();
  void end_measuring();
  void one_is_done();

  sfs::self_certifying_path path_;  // unless plain_
  std::string mount_path_ = "/", directory_, name_;
  sfs::client_options client_;
  std::unique_ptr<sfs::login_signer> signer_;
  sfs::load_options options_;
  sfs::load_totals totals_;
  std::string load_, suite_;
  unsigned connections_ = 0, left_ = 0;
  bool plain_ = false;
  std::uint16_t mount_port_ = 0;
  std::chrono::seconds seconds_{}, warmup_{};
  std::vector<sfs::server_location> places_;
  std::vector<std::string> pids_;
  sfs::const_bytes content_;
  std::vector<std::unique_ptr<sfs::load_connection>> running_;
  std::vector<sfs::load_setup> idle_;
  std::uint64_t memory_before_ = 0;
  clock::time_point began_, ended_;
  double client_cpu_ = 0;
  sfs::cpu_usage server_;
};

load_run::load_run(sfs::command_line& line) {
  connections_ = static_cast<unsigned>(line.number("--connections", 8, 1, 100'000));
  options_.size = static_cast<std::uint32_t>(line.number("--size", 8192, 1, 65536));
  options_.window = static_cast<unsigned>(line.number("--window", 32, 1, 256));
  options_.check_every =
      static_cast<unsigned>(line.number("--check-every", options_.check_every, 1, 1'000'000));
  seconds_ = std::chrono::seconds(line.number("--seconds", 5, 1, 60));
  warmup_ = std::chrono::seconds(line.number("--warmup", 1, 0, 60));
  options_.calls = line.number("--bytes", 0, options_.size, UINT64_C(1) << 40) / options_.size;
  load_ = line.value_or("--op", "read");
  const auto* const op = std::ranges::find(sfs::load_names, load_, &sfs::named_load::name);
  if (op == std::end(sfs::load_names))
    sfs::command_line::wrong("--op " + load_ + ": sfsload --help lists what there is");
  options_.kind = op->kind;
  suite_ = line.value_or("--suite", "aes-128-gcm");
  const auto suite = sfs::suite_named(suite_);
  if (!suite) sfs::command_line::wrong("--suite " + suite_ + ": " + sfs::suites_are);
  client_.suites = {*suite};
  if (const auto key = line.value("--user-key"))
    signer_ = sfs::signer_with(good(sfs::user_key::load(*key), *key));
  take_places(line);
  const auto words = line.rest(2);
  if (words.size() != 2) sfs::command_line::wrong("say PATH and FILE");
  take_path(words[0]);
  content_ = map_file(words[1]);
  if (content_.size() < options_.size) sfs::command_line::wrong("FILE is shorter than --size");
}

void load_run::take_places(sfs::command_line& line) {
  plain_ = line.flag("--plain");
  mount_port_ = static_cast<std::uint16_t>(line.number("--mount-port", 0, 1, 65535));
  for (const std::string& where : split(line.value_or("--connect", ""))) {
    auto location = sfs::server_location::parse(where);
    if (!location) sfs::command_line::wrong("--connect " + where + ": " + location.why());
    places_.push_back(*location);
  }
  if (plain_ && places_.empty()) sfs::command_line::wrong("--plain: --connect says where");
  pids_ = split(line.value_or("--server-pid", ""));
  for (const std::string& pid : pids_)
    if (!sfs::is_process(pid)) async::fatal("--server-pid: there is no process %s", pid.c_str());
}

void load_run::take_path(const std::string& word) {
  std::string rest;
  if (plain_) {
    const std::size_t colon = word.find(':');
    if (colon == word.npos) sfs::command_line::wrong(word + ": with --plain it is EXPORT:FILE");
    mount_path_ = word.substr(0, colon);
    rest = word.substr(colon + 1);
    suite_ = "none";
  } else {
    auto path = sfs::self_certifying_path::parse(word);
    if (!path) sfs::command_line::wrong(word + ": " + path.why());
    path_ = *path;
    rest = path_.rest;
  }
  const std::size_t slash = rest.rfind('/');
  name_ = slash == rest.npos ? rest : rest.substr(slash + 1);
  directory_ = slash == rest.npos ? "" : rest.substr(0, slash);
}

sfs::load_setup load_run::set_up(unsigned number) const {
  if (plain_) {
    const auto& where = places_[number % places_.size()];
    return good(sfs::load_setup::plain(where), where.text);
  }
  sfs::client_options o = client_;
  if (!places_.empty()) o.instead = places_[number % places_.size()];
  return good(sfs::load_setup::sealed(path_, o, signer_.get()), path_.location.text);
}

sfs::file_handle load_run::directory_of(sfs::load_setup& setup, unsigned number) const {
  const auto root = [&] {
    if (!mount_port_) return good(setup.mount(mount_path_), mount_path_);
    sfs::server_location where = places_[number % places_.size()];
    where.port = mount_port_;
    auto mounting = good(sfs::load_setup::plain(where), where.host);
    return good(mounting.mount(mount_path_), mount_path_);
  };
  return good(setup.walk(root(), directory_), directory_);
}

std::unique_ptr<sfs::load_files> load_run::find_files(sfs::load_setup& setup,
                                                      unsigned number) const {
  auto files = std::make_unique<sfs::load_files>();
  files->content = content_;
  files->name = name_;
  files->number = number;
  files->connections = connections_;
  files->user = setup.user();
  files->directory = directory_of(setup, number);
  files->file = good(setup.look_up(files->directory, name_), path_.rest);
  if (good(setup.size_of(files->file), name_) != content_.size())
    async::fatal("PATH and FILE are not the same file");
  if (sfs::needs_own_file(options_.kind))
    files->own =
        good(setup.create(files->directory, "sfsload-write-" + std::to_string(number)), "CREATE");
  return files;
}

// How long all replies are, record mark included: makes one of the calls.
std::size_t load_run::measure_reply(sfs::load_setup& setup, sfs::load_files& files) const {
  if (sfs::replies_of(options_) != sfs::replies::of_one_length) return 0;
  std::vector<std::uint8_t> call;
  sfs::make_job(options_, files)->append(call, 0);
  return good(setup.exchange(call), name_).size() + sfs::record_mark_size;
}

void load_run::connect() {
  if (options_.kind == sfs::load_kind::idle) raise_descriptor_limit();
  for (unsigned i = 0; i < connections_; ++i) {
    auto setup = set_up(i);
    auto files = find_files(setup, i);
    if (options_.kind == sfs::load_kind::idle) {
      idle_.push_back(std::move(setup));
      if (i == 0) memory_before_ = sfs::resident_bytes(pids_);
      continue;
    }
    const std::size_t reply = measure_reply(setup, *files);
    running_.push_back(std::make_unique<sfs::load_connection>(
        setup.take_wire(sfs::replies_of(options_)), std::move(files), reply, options_, totals_,
        async::wrap(this, &load_run::one_is_done)));
  }
}

void load_run::run() {
  if (options_.kind == sfs::load_kind::idle) return run_idle();
  left_ = connections_;
  if (options_.calls)
    begin_measuring();
  else
    async::delaycb(warmup_, async::wrap(this, &load_run::begin_measuring));
  for (auto& c : running_) c->begin();
  async::amain({.cpus = 1, .pin = false});
  sfs::print_report({.suite = suite_,
                     .load = load_,
                     .connections = connections_,
                     .options = options_,
                     .seconds = std::chrono::duration<double>(ended_ - began_).count(),
                     .client_cpu_s = client_cpu_,
                     .server = server_},
                    totals_);
}

void load_run::run_idle() {
  std::this_thread::sleep_for(seconds_);
  const std::uint64_t after = sfs::resident_bytes(pids_);
  const double clients = std::max(1U, connections_ - 1);
  std::printf(
      "{\"op\": \"idle\", \"connections\": %u, \"server_bytes\": %llu, "
      "\"bytes_per_client\": %.0f}\n",
      connections_, static_cast<unsigned long long>(after),
      (static_cast<double>(after) - static_cast<double>(memory_before_)) / clients);
}

void load_run::begin_measuring() {
  totals_ = {};
  began_ = clock::now();
  client_cpu_ = own_cpu_seconds();
  server_ = sfs::usage_of(pids_);
  if (!options_.calls) async::delaycb(seconds_, async::wrap(this, &load_run::end_measuring));
}

void load_run::one_is_done() {
  if (--left_ == 0) end_measuring();
}

void load_run::end_measuring() {
  ended_ = clock::now();
  client_cpu_ = own_cpu_seconds() - client_cpu_;
  const sfs::cpu_usage now = sfs::usage_of(pids_);
  server_ = {now.cpu_s - server_.cpu_s, now.delay_s - server_.delay_s};
  for (auto& c : running_) c->end();
  async::stop();
}

}  // namespace

int main(int argc, char** argv) {
  sfs::command_line line(argc, argv, help);
  load_run run(line);
  run.connect();
  run.run();
  sfs::command_line::finish_output();
}
