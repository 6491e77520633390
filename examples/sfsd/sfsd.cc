// sfsd: serves a directory, encrypted and authenticated, to whoever knows its self-certifying path.
// See README.md for how it is made parallel. Serves stages 1 to 6.
#include <cinttypes>
#include <csignal>
#include <cstdio>

#include "async/err.h"
#include "async/main.h"
#include "async/net.h"
#include "async/signal.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/channel/keys.h"
#include "examples/sfsd/nfs/export.h"
#include "examples/sfsd/server/server.h"
#include "wrap/wrap.h"

namespace {

constexpr const char* help = R"(usage: sfsd --export DIR --key FILE [OPTION...]

Serves a directory, read-only, over an encrypted and authenticated channel. Make a key
first; its self-certifying path is all that clients need to know:

    sfskey gen --location localhost server.key
    sfsd --export /srv/data --key server.key --anonymous read
    sfs ls /sfs/@localhost,HOSTID

What is served
  --export DIR          the directory; symbolic links are shown and never followed
  --key FILE            the server's key, made by sfskey gen
  --anonymous WHAT      what clients may do; they are all anonymous:
                          nothing   (default)
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
                          all       also reading files (default)
  --suite NAMES         suites that clients may choose from, separated by commas:
                        aes-128-gcm, chacha20-poly1305, aes-256-gcm (default: all)

Limits
  --max-clients N       further ones are turned away (default 1024)
  --handshake-timeout S seconds that a client has to prove itself able (default 10)
  --idle-timeout S      seconds after which a silent client is dropped (default 600)

  --verbose             say why clients are dropped
  --help                this text

SIGTERM and SIGINT end it well: requests that are being served are finished.
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
    sfs::command_line::wrong("--listen is [ADDR:]PORT");
  return {host, number};
}

sfs::anonymous parse_anonymous(const std::string& text) {
  if (text == "nothing") return sfs::anonymous::nothing;
  if (text != "read") sfs::command_line::wrong("--anonymous is nothing or read");
  return sfs::anonymous::read;
}

std::string needed(std::optional<std::string> value, const char* what) {
  if (!value) sfs::command_line::wrong(std::string(what) + " is missing");
  return std::move(*value);
}

}  // namespace

int main(int argc, char** argv) {
  sfs::command_line line(argc, argv, help);
  const std::string directory = needed(line.value("--export"), "--export DIR");
  const std::string key_file = needed(line.value("--key"), "--key FILE");
  const std::string listen = line.value_or("--listen", "");
  const auto suites =
      sfs::parse_suites(line.value_or("--suite", "aes-128-gcm,chacha20-poly1305,aes-256-gcm"));
  if (!suites) sfs::command_line::wrong("--suite: unknown suite");
  const auto steps = sfs::parallel_named(line.value_or("--parallel", "all"));
  if (!steps) sfs::command_line::wrong("--parallel is none, crypto, io or all");
  const auto cpus = static_cast<unsigned>(line.number("--cpus", 0, 1, async::max_cpus));
  const sfs::anonymous allowed = parse_anonymous(line.value_or("--anonymous", "nothing"));
  sfs::server_limits limits;
  limits.max_clients = line.number("--max-clients", limits.max_clients, 1, 1'000'000);
  limits.handshake = std::chrono::seconds(line.number("--handshake-timeout", 10, 1, 3600));
  limits.idle = std::chrono::seconds(line.number("--idle-timeout", 600, 1, 1'000'000));
  const bool verbose = line.flag("--verbose");
  line.rest(0, 0);

  const auto key = sfs::server_key::load(key_file);
  if (!key) async::fatal("%s", key.why().c_str());
  auto tree =
      sfs::export_tree::open(directory, key->derive("sfs1 file handles"), {.allowed = allowed});
  if (!tree) async::fatal("%s", tree.why().c_str());
  const listen_address at = parse_listen(listen, key->location().port);
  const int fd = async::tcp_listen(at.port, at.host);
  if (fd < 0) async::fatal("port %d: %s", at.port, sfs::system_reason().c_str());

  const sfs::server_settings settings(*key, *suites);
  sfs::server server(**tree, settings, *steps, limits, verbose);
  server.accept_on(fd);
  for (int signal : {SIGTERM, SIGINT})
    async::sigcb(signal, async::wrap(&server, &sfs::server::end));
  const unsigned used = cpus ? cpus : async::default_cpus();
  std::printf("serving %s on port %d with %u CPU%s, coloring: %s\n%s\n", directory.c_str(),
              async::local_port(fd), used, used == 1 ? "" : "s", sfs::name_of(*steps).data(),
              key->path().text().c_str());
  std::fflush(stdout);
  async::amain({.cpus = used});
}
