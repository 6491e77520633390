// sfsd: serves a directory, encrypted and authenticated, to whoever knows its self-certifying path
// and is one of its users.
// See README.md for how it is made parallel. Serves stages 1 to 6.
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <utility>

#include "async/err.h"
#include "async/main.h"
#include "async/net.h"
#include "async/server.h"
#include "async/signal.h"
#include "async/timer.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/channel/keys.h"
#include "examples/sfsd/nfs/export.h"
#include "examples/sfsd/server/metrics.h"
#include "examples/sfsd/server/metrics_socket.h"
#include "examples/sfsd/server/server.h"
#include "examples/sfsd/users/user_table.h"
#include "wrap/wrap.h"

namespace {

constexpr const char* help = R"(usage: sfsd --export DIR --key FILE [OPTION...]

Serves a directory over an encrypted and authenticated channel. Make a key first; its
self-certifying path is all that clients need to know:

    sfskey gen --location localhost server.key
    sfsd --export /srv/data --key server.key --users users &
    sfs ls /sfs/@localhost,HOSTID

Users have keys of their own, made by `sfskey gen --user`; `sfskey register` enters them
into the table that --users names. A server that runs as root does for each user what his
account may do; any other server does for all what it may do itself. One of --users and
--anonymous has to be there.

What is served
  --export DIR          the directory; symbolic links are shown and never followed
  --key FILE            the server's key, made by sfskey gen
  --read-only           nothing can be changed through this server
  --users FILE          the table of users' keys; read again within 2 s of a change
  --handle-table FILE   where a server that does not run as root keeps what clients' handles
                        mean, so that they stay good when it starts again
  --anonymous WHAT      what clients may do who have not logged in:
                          nothing   (default where there are --users)
                          read      what the permission bits allow everybody ("other")

Where
  --listen [ADDR:]PORT  default: every address, the port in the key's location;
                        [::1]:4433 for IPv6; port 0 takes a free one and prints it

How
  --cpus N              CPUs to use (default: ASYNC_NCPU, else all that we may use)
  --parallel STEPS      what may run on several CPUs at once, one client beside another:
                          none      nothing: every callback has the default color
                          crypto    sealing and opening records, and the handshake
                          io        also reading from and writing to sockets
                          all       also what is done with files (default)
                        a uniprocessor build has one CPU and no colors (none)
  --suite NAMES         suites that clients may choose from, separated by commas:
                        aes-128-gcm, chacha20-poly1305, aes-256-gcm (default: all)

Limits
  --max-clients N       further ones are turned away (default 1024, or as many as the hard
                        limit of file descriptors has room for)
  --handshake-timeout S seconds that a client has to prove itself able (default 10)
  --disk-threads N      threads that wait for disks, so that nobody else has to (default 16; 0:
                        everybody waits; a uniprocessor build has none)
  --idle-timeout S      seconds after which a silent client is dropped (default 600)

  --lease S             seconds for which clients may keep attributes (default 30); they are
                        told when somebody else changes the file

  --metrics SOCKET      tell Prometheus' metrics to who connects to this Unix socket (the
                        server's owner): curl --unix-socket SOCKET http://localhost/metrics
  --config FILE         options from a file, one in a line: NAME = VALUE, or NAME; those on
                        the command line count more
  --verbose             log who logs in, and who is dropped and why
  --help                this text

SIGTERM and SIGINT end it well: requests that are being served are finished. SIGHUP reads the
table of users again at once. SIGUSR1 writes the metrics to standard error.
)";

struct listen_address {
  std::string host;
  std::uint16_t port = 0;
};

// "PORT", "ADDR:PORT" or "[IPv6]:PORT".
listen_address parse_listen(const std::string& text, std::uint16_t default_port) {
  if (text.empty()) return {{}, default_port};
  const std::size_t colon = text.rfind(':');
  const std::string port = colon == std::string::npos ? text : text.substr(colon + 1);
  std::string host = colon == std::string::npos ? std::string() : text.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size())
    sfs::command_line::wrong("--listen " + text + ": it is [ADDR:]PORT");
  return {host, number};
}

sfs::anonymous parse_anonymous(const std::string& text) {
  if (text == "nothing") return sfs::anonymous::nothing;
  if (text != "read") sfs::command_line::wrong("--anonymous is nothing or read");
  return sfs::anonymous::read;
}

#if defined(ASYNC_UNIPROCESSOR)
constexpr bool uniprocessor = true;
#else
constexpr bool uniprocessor = false;
#endif

unsigned parse_cpus(sfs::command_line& line) {
  const auto cpus = static_cast<unsigned>(line.number("--cpus", 0, 1, async::max_cpus));
  if (uniprocessor && cpus > 1)
    sfs::command_line::wrong("--cpus: this is a uniprocessor build, it has one CPU");
  return cpus ? cpus : async::default_cpus();
}

sfs::parallel parse_parallel(sfs::command_line& line) {
  const auto steps =
      sfs::parallel_named(line.value_or("--parallel", uniprocessor ? "none" : "all"));
  if (!steps) sfs::command_line::wrong("--parallel is none, crypto, io or all");
  if (uniprocessor && *steps != sfs::parallel::none)
    sfs::command_line::wrong("--parallel: this is a uniprocessor build, it has no colors");
  return *steps;
}

// Takes as many file descriptors as we may have, and shares them out: to what is done at a time,
// one to each client, and the rest, a quarter at least, to the files that are kept open for
// clients. A client whose file cannot be kept open is served all the same.
void share_descriptors(sfs::server_limits& limits, unsigned cpus) {
  // Of the server's own, and what a call holds until it has been answered.
  constexpr std::size_t own = 64, per_call = 8;
  limits.files_kept_open = limits.max_clients * sfs::recent_files::most;
  const std::size_t room =
      async::room_for_connections(own + per_call * (std::size_t{cpus} + limits.disk_threads));
  rlimit fds;
  if (room == SIZE_MAX || ::getrlimit(RLIMIT_NOFILE, &fds) < 0) return;
  const std::size_t most = room - room / 4;
  if (limits.max_clients > most) {
    async::warn(
        "--max-clients %zu is more than %llu file descriptors are enough for: it is now %zu",
        limits.max_clients, static_cast<unsigned long long>(fds.rlim_cur), most);
    limits.max_clients = most;
  }
  limits.files_kept_open = std::min(limits.files_kept_open, room - limits.max_clients);
}

// Reads the table of users, and says what is wrong with it. `before` is what was read last, or
// null.
std::shared_ptr<const sfs::user_table> read_users(const std::string& file,
                                                  std::shared_ptr<const sfs::user_table> before) {
  const auto users = sfs::user_table::load(file, sfs::user_table::remembering(std::move(before)));
  if (!users) {
    async::warn("%s", users.why().c_str());
    return nullptr;
  }
  for (const std::string& warning : (*users)->warnings()) async::warn("%s", warning.c_str());
  return *users;
}

// Keeps a server's users those of the file. A table that cannot be read changes nothing.
class users_file {
 public:
  users_file(sfs::server& server, std::string path)
      : server_(server), path_(std::move(path)), users_(read_users(path_, nullptr)) {
    if (!users_) async::fatal("the table of users is needed");
    server_.use_users(users_);
    again();
  }

  void read_again() {
    if (auto users = read_users(path_, users_)) server_.use_users(users_ = std::move(users));
  }

 private:
  void look() {
    if (users_->is_stale()) read_again();
    again();
  }
  void again() { async::delaycb(std::chrono::seconds(2), async::wrap(this, &users_file::look)); }

  sfs::server& server_;
  std::string path_;
  std::shared_ptr<const sfs::user_table> users_;
};

}  // namespace

int main(int argc, char** argv) {
  // What a client gives back when it falls silent (server.cc) goes back to the system: blocks of
  // this size are mapped one by one, which costs little because busy clients keep theirs.
  ::mallopt(M_MMAP_THRESHOLD, 32 * 1024);
  ::umask(0);  // the modes are the clients'
  // A file that becomes too long for our limits fails its WRITE, and not us.
  std::signal(SIGXFSZ, SIG_IGN);
  sfs::command_line line(argc, argv, help);
  line.take_config();
  const std::string directory = line.required("--export DIR");
  const std::string key_file = line.required("--key FILE");
  const std::string listen = line.value_or("--listen", "");
  const std::string names = line.value_or("--suite", "aes-128-gcm,chacha20-poly1305,aes-256-gcm");
  const auto suites = sfs::parse_suites(names);
  if (!suites) sfs::command_line::wrong("--suite " + names + ": " + sfs::suites_are);
  const sfs::parallel steps = parse_parallel(line);
  const unsigned cpus = parse_cpus(line);
  const auto anonymous = line.value("--anonymous");
  const sfs::anonymous allowed = parse_anonymous(anonymous.value_or("nothing"));
  sfs::server_limits limits;
  limits.max_clients = line.number("--max-clients", limits.max_clients, 1, 1'000'000);
  limits.handshake = std::chrono::seconds(line.number("--handshake-timeout", 10, 1, 3600));
  limits.idle = std::chrono::seconds(line.number("--idle-timeout", 600, 1, 1'000'000));
  limits.disk_threads = static_cast<unsigned>(
      line.number("--disk-threads", uniprocessor ? 0 : 16, 0, uniprocessor ? 0 : 1024));
  limits.lease = std::chrono::seconds(line.number("--lease", 30, 1, 3600));
  const auto users_path = line.value("--users");
  if (!users_path && !anonymous)
    sfs::command_line::wrong(
        "nobody could use this server: --users FILE lets users log in (an empty table will do to "
        "begin with), --anonymous read lets everybody read");
  const auto metrics_path = line.value("--metrics");
  const bool read_only = line.flag("--read-only");
  // For tests: what a server does that may not have the kernel's handles.
  const bool table = line.flag("--handles-from-table");
  const std::string handle_table = line.value_or("--handle-table", "");
  const bool verbose = line.flag("--verbose");
  line.rest(0);

  const auto key = sfs::server_key::load(key_file);
  if (!key) async::fatal("%s", key.why().c_str());
  auto tree = sfs::export_tree::open(directory, key->derive("sfs1 file handles"),
                                     {.allowed = allowed,
                                      .read_only = read_only,
                                      .kernel_handles = !table,
                                      .handle_table = handle_table});
  if (!tree) async::fatal("%s", tree.why().c_str());
  const listen_address at = parse_listen(listen, key->location().port);
  const int fd = async::tcp_listen(at.port, at.host);
  if (fd < 0)
    async::fatal("can't listen on %s port %d: %s",
                 at.host.empty() ? "any address," : at.host.c_str(), at.port,
                 sfs::system_reason().c_str());

  share_descriptors(limits, cpus);
  sfs::give_up_reserves();
  const sfs::server_settings settings(*key, *suites);
  sfs::server server(**tree, settings, steps, limits, verbose);
  std::optional<users_file> users;
  if (users_path) users.emplace(server, *users_path);
  server.accept_on(fd);
  const auto metrics = [&server] { return sfs::metrics::text(server.clients()); };
  std::optional<sfs::metrics_socket> teller;
  if (metrics_path) teller.emplace(*metrics_path, metrics);
  if (teller && !teller->why_not().empty()) async::fatal("%s", teller->why_not().c_str());
  async::sigcb(SIGUSR1, async::wrap([metrics] { std::fputs(metrics().c_str(), stderr); }));
  if (users)
    async::sigcb(SIGHUP, async::wrap(&*users, &users_file::read_again));
  else
    std::signal(SIGHUP, SIG_IGN);  // nothing to read again, and no reason to end
  for (int signal : {SIGTERM, SIGINT})
    async::sigcb(signal, async::wrap(&server, &sfs::server::end));
  std::printf("serving %s on port %d with %u CPU%s, coloring: %s\n%s\n", directory.c_str(),
              async::local_port(fd), cpus, cpus == 1 ? "" : "s", sfs::name_of(steps).data(),
              key->path().text().c_str());
  std::fflush(stdout);
  async::amain({.cpus = cpus});
}
