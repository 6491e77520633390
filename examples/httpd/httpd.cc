// httpd: serves the files of a directory by HTTP/1.1.
// See README.md for how it is made parallel. Serves stages 1 to 6.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "async/err.h"
#include "async/handover.h"
#include "async/main.h"
#include "async/net.h"
#include "async/server.h"
#include "async/signal.h"
#include "async/tls.h"
#include "examples/httpd/files/loader.h"
#include "examples/httpd/server/server.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/base/shown.h"
#include "wrap/wrap.h"

namespace {

using sfs::command_line;

constexpr const char* help = R"(usage: httpd --root DIR [OPTION...]

Serves the files of a directory by HTTP/1.1, those that are asked for often from memory:

    httpd --root /srv/www --listen 8080 &
    curl http://localhost:8080/

What is served
  --root DIR            the directory; a directory in it is answered with its index.html
  --list                list directories that have none
  --follow-symlinks     follow symbolic links that stay beneath the root (default: they are
                        not there)
  --dotfiles            serve names that begin with a dot (default: they are not there)
  --no-gzip             do not send x.gz to those who ask for x and take gzip

Where
  --listen [ADDR:]PORT  default: every address, port 8080, unless there is --tls-listen;
                        [::1]:8080 for IPv6; port 0 takes a free one and prints it; or the path
                        of a Unix socket
  --tls-listen [ADDR:]PORT   where to speak TLS
  --certificate FILE    for TLS, with those that lead to an authority behind it (PEM)
  --key FILE            the certificate's key
  --log FILE            write the access log, in the combined format; - is standard output

How
  --cpus N              CPUs to use (default: ASYNC_NCPU, else all that we may use)
  --parallel STEPS      what may run on several CPUs at once:
                          none         nothing: every callback has the default color
                          connections  one client beside another
                          all          also the cache's misses, and the log (default)
                        a uniprocessor build has one CPU and no colors (none)

Limits
  --cache-size MB       memory for files (default 64)
  --max-clients N       further ones wait (default 16384, or as many as the hard limit of file
                        descriptors has room for)
  --per-address N       further ones from one address, or IPv6 network, are turned away (default:
                        no limit)
  --request-timeout S   seconds for a request to come (default 20)
  --keep-alive S        seconds without a request after which a client is dropped (default 75)
  --write-timeout S     seconds without a byte taken after which a client is dropped (default 60)
  --disk-threads N      threads that wait for disks, so that nobody else has to (default 16; a
                        uniprocessor build has none)

  --config FILE         options from a file, one in a line: NAME = VALUE, or NAME; those on the
                        command line count more
  --help                this text

SIGTERM and SIGINT end it well: replies on their way are finished. SIGHUP and SIGUSR1 open the
log anew; SIGHUP reads the certificate again. SIGUSR2 starts the program anew, gives it the
listening sockets, and ends this one well when the new one is ready.
)";

#if defined(ASYNC_UNIPROCESSOR)
constexpr bool uniprocessor = true;
#else
constexpr bool uniprocessor = false;
#endif

unsigned parse_cpus(command_line& line) {
  const auto cpus = static_cast<unsigned>(line.number("--cpus", 0, 1, async::max_cpus));
  if (uniprocessor && cpus > 1)
    command_line::wrong("--cpus: this is a uniprocessor build, it has one CPU");
  return cpus ? cpus : async::default_cpus();
}

httpd::parallel parse_parallel(command_line& line) {
  const auto steps =
      httpd::parallel_named(line.value_or("--parallel", uniprocessor ? "none" : "all"));
  if (!steps) command_line::wrong("--parallel is none, connections or all");
  if (uniprocessor && *steps != httpd::parallel::none)
    command_line::wrong("--parallel: this is a uniprocessor build, it has no colors");
  return *steps;
}

httpd::server_limits parse_limits(command_line& line) {
  httpd::server_limits limits;
  const auto seconds = [&line](const char* name, std::chrono::seconds otherwise) {
    return std::chrono::seconds(
        line.number(name, static_cast<std::uint64_t>(otherwise.count()), 1, 1'000'000));
  };
  limits.max_clients = line.number("--max-clients", limits.max_clients, 1, 1'000'000);
  limits.per_address = line.number("--per-address", 0, 1, 1'000'000);
  limits.request = seconds("--request-timeout", limits.request);
  limits.keep_alive = seconds("--keep-alive", limits.keep_alive);
  limits.write = seconds("--write-timeout", limits.write);
  limits.cache_bytes = line.number("--cache-size", 64, 1, 1 << 20) << 20;
  limits.disk_threads = static_cast<unsigned>(
      line.number("--disk-threads", uniprocessor ? 0 : 16, 0, uniprocessor ? 0 : 1024));
  return limits;
}

// As many clients as there are file descriptors for.
std::size_t clients_with_descriptors(const httpd::server_limits& limits) {
  const std::size_t room =
      async::room_for_connections(limits.cache_bytes / httpd::representation::cost_of_file + 64);
  if (limits.max_clients <= room) return limits.max_clients;
  async::warn("there are file descriptors for %zu clients, not for --max-clients %zu", room,
              limits.max_clients);
  return room;
}

// The listening sockets: those that systemd or a predecessor has given us, or else our own; and the
// way to a successor.
class doors {
 public:
  explicit doors(httpd::server& server) : server_(server), given_(async::inherited_sockets()) {}

  // Listens with the sockets of this name that were given, or at `where` if none was, and says
  // where that is.
  void open(const std::string& name, const std::string& where,
            const async::ptr<async::tls_context>& tls) {
    bool was_given = false;
    for (async::named_socket& s : given_) {
      if (s.name != name || s.fd < 0) continue;
      listen(std::exchange(s.fd, -1), name, where, tls);
      was_given = true;
    }
    if (!was_given) listen(async::listening_socket(where), name, where, tls);
  }

  // Closes what was given and no open() has asked for: its clients would wait for ever.
  void close_others() {
    for (const async::named_socket& s : given_) {
      if (s.fd < 0) continue;
      async::warn("a socket named \"%s\" was given, for which there is no option: it is closed",
                  sfs::shown(s.name).c_str());
      ::close(s.fd);
    }
    given_.clear();
  }

  // Starts the program anew and gives it the sockets; when it is ready, we end. Once the end has
  // begun there are no sockets to be given.
  void pass_on(const std::vector<std::string>& command) {
    if (ending_ || std::exchange(passing_on_, true)) return;
    async::hand_over(open_, command, async::wrap(this, &doors::passed_on));
  }

  // Ends the server; called again, at once.
  void end() {
    ending_ = true;
    server_.end();
  }

 private:
  void listen(int fd, const std::string& name, const std::string& where,
              const async::ptr<async::tls_context>& tls) {
    if (fd < 0)
      fail(where,
           errno == EINVAL ? "it is [ADDR:]PORT, ADDR a number, or a path" : sfs::system_reason());
    const std::uint16_t port = async::local_port(fd);
    if (const auto error = server_.listen(fd, tls)) fail(where, error.message());
    open_.push_back({fd, name});
    std::printf("listening on %s%s\n",
                port == 0 ? where.c_str() : ("port " + std::to_string(port)).c_str(),
                tls ? " with TLS" : "");
  }

  void passed_on(std::error_code error) {
    passing_on_ = false;
    if (ending_) return;  // as somebody else has said meanwhile: that is no reason to hurry
    if (!error) return end();
    async::warn("the successor did not come up, we go on: %s", error.message().c_str());
  }

  [[noreturn]] static void fail(const std::string& where, const std::string& why) {
    async::fatal("can't listen on %s: %s", where.c_str(), why.c_str());
  }

  httpd::server& server_;
  std::vector<async::named_socket> given_;  // an fd of -1: it is the server's now
  std::vector<async::named_socket> open_;   // of the server
  bool passing_on_ = false;
  bool ending_ = false;
};

// How we were started: the program by its path as it is now, so that a new one in its place is what
// is started next.
std::vector<std::string> command_of(int argc, char** argv) {
  std::vector<std::string> words(argv, argv + argc);
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) words[0] = path;
  return words;
}

async::ptr<async::tls_context> read_certificate(const std::string& chain, const std::string& key) {
  try {
    return async::tls_context::server({.identity = {chain, key}, .alpn = {"http/1.1"}});
  } catch (const std::system_error& e) {
    async::fatal("%s", e.what());
  }
}

void read_again(const async::ref<async::tls_context>& tls) {
  std::string what;
  if (tls->reload(&what)) async::warn("%s", what.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> command = command_of(argc, argv);
  command_line line(argc, argv, help);
  line.take_config();
  const std::string root = line.required("--root DIR");
  const auto tls_where = line.value("--tls-listen"), chain = line.value("--certificate"),
             key = line.value("--key");
  if (tls_where.has_value() != (chain && key))
    command_line::wrong("--tls-listen, --certificate and --key belong together");
  std::optional<std::string> where = line.value("--listen");
  if (!where && !tls_where) where = "8080";
  httpd::serving_options options;
  options.listings = line.flag("--list");
  options.symlinks = line.flag("--follow-symlinks");
  options.dotfiles = line.flag("--dotfiles");
  options.gzip = !line.flag("--no-gzip");
  const std::string log_path = line.value_or("--log", "");
  const httpd::parallel steps = parse_parallel(line);
  const unsigned cpus = parse_cpus(line);
  httpd::server_limits limits = parse_limits(line);
  line.rest(0);

  const auto files = httpd::loader::open(root, options);
  if (!files) async::fatal("%s", files.why().c_str());
  limits.max_clients = clients_with_descriptors(limits);
  httpd::server server(*files, limits, steps, log_path);
  if (!log_path.empty() && !server.log().is_open())
    async::fatal("%s: %s", log_path.c_str(), sfs::system_reason().c_str());
  async::ptr<async::tls_context> tls;
  if (tls_where) tls = read_certificate(*chain, *key);
  doors listening(server);
  if (where) listening.open("http", *where, nullptr);
  if (tls) listening.open("https", *tls_where, tls);
  listening.close_others();

  for (int signal : {SIGTERM, SIGINT}) async::sigcb(signal, async::wrap(&listening, &doors::end));
  async::sigcb(SIGUSR1, async::wrap(&server.log(), &httpd::access_log::reopen));
  async::sigcb(SIGHUP, async::wrap([&server, tls] {
                 server.log().reopen();
                 if (tls) read_again(async::ref<async::tls_context>(tls));
               }));
  async::sigcb(SIGUSR2, async::wrap(&listening, &doors::pass_on, command));
  std::printf("serving %s with %u CPU%s, coloring: %s\n", root.c_str(), cpus, cpus == 1 ? "" : "s",
              httpd::name_of(steps).data());
  std::fflush(stdout);
  async::notify("READY=1");
  async::amain({.cpus = cpus});
}
