// sfscd: the client daemon. Gives the NFS clients of this machine a server's files, through an
// encrypted and authenticated channel. See gateway/gateway.h. Serves stages 1 to 6.
#include <arpa/inet.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <utility>

#include "async/err.h"
#include "async/main.h"
#include "async/net.h"
#include "async/signal.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/client/access.h"
#include "examples/sfsd/client/login.h"
#include "examples/sfsd/gateway/gateway.h"
#include "wrap/wrap.h"

namespace {

constexpr const char* help = R"(usage: sfscd [OPTION...] /sfs/@LOCATION,HOSTID

Gives the NFS clients of this machine what a server exports, through an encrypted and
authenticated channel. It speaks NFS version 3 and MOUNT over TCP on 127.0.0.1, and prints
on which port, and a URL for clients that use libnfs:

    sfscd /sfs/@localhost,HOSTID &
    nfs-ls "nfs://127.0.0.1/?nfsport=PORT&mountport=PORT&version=3"
    nfs-cat "nfs://127.0.0.1//some/file?nfsport=PORT&mountport=PORT&version=3"
    mount -t nfs -o vers=3,tcp,port=PORT,mountport=PORT,nolock 127.0.0.1:/ /mnt

When the connection to the server is lost, or the server is restarted, sfscd connects anew,
and calls take as long as that takes. They get an error only if the server shows another
key than the one that HOSTID names, or with --give-up.

  --listen PORT         for NFS and MOUNT on 127.0.0.1 (default: a free one)
  --mount-port PORT     one more port, for clients that want MOUNT elsewhere
  --allow-any-local-user
                        serve every user of this machine: they all act with our key. By
                        default only processes of our own user, and of root, may connect
  --give-up S           fail calls when the server could not be reached for S seconds
  --max-clients N       connections (default 64)
)";

constexpr const char* help_end =
    R"(  --config FILE         options from a file, one in a line: NAME = VALUE, or NAME
  --help                this text

SIGTERM and SIGINT end it well: calls that are under way are finished first.
)";

// Listens on this machine alone.
int listen_on(std::uint16_t port) {
  const int fd = async::tcp_listen(port, "127.0.0.1");
  if (fd < 0)
    async::fatal("can't listen on 127.0.0.1 port %d: %s", port, sfs::system_reason().c_str());
  return fd;
}

// PORT, or 127.0.0.1:PORT. Another address would give the server's files to the network, in plain.
std::uint16_t parse_port(const std::string& option, const std::string& text) {
  std::string_view port = text;
  if (const std::size_t colon = text.rfind(':'); colon != std::string::npos) {
    if (text.substr(0, colon) != "127.0.0.1")
      sfs::command_line::wrong(option + " " + text +
                               ": it listens on 127.0.0.1 only: what it says is not encrypted");
    port.remove_prefix(colon + 1);
  }
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size())
    sfs::command_line::wrong(option + " " + text + ": it is a PORT");
  return number;
}

void say_where(const sfs::self_certifying_path& server, int nfs_port, int mount_port) {
  std::printf("serving %s on 127.0.0.1 port %d\n", server.text().c_str(), nfs_port);
  std::printf("nfs://127.0.0.1/?nfsport=%d&mountport=%d&version=3\n", nfs_port, mount_port);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  sfs::command_line line(argc, argv, std::string(help) + sfs::access_help + help_end);
  line.take_config();
  const sfs::access_options access = sfs::take_access_options(line);
  sfs::gateway_options options;
  options.max_clients = line.number("--max-clients", options.max_clients, 1, 10'000);
  options.any_local_user = line.flag("--allow-any-local-user");
  options.refused = sfs::why_nobody_is_refused(access);
  const std::uint16_t port = parse_port("--listen", line.value_or("--listen", "0"));
  const auto second = line.value("--mount-port");
  const std::uint16_t mount_port = second ? parse_port("--mount-port", *second) : port;
  const auto give_up = line.number("--give-up", 0, 1, 1'000'000);
  const auto words = line.rest(1);
  if (words.empty()) sfs::command_line::wrong("say which server: /sfs/@LOCATION,HOSTID");
  const auto server = sfs::self_certifying_path::parse(words[0]);
  if (!server) sfs::command_line::wrong(words[0] + ": " + server.why());
  if (!server->rest.empty())
    sfs::command_line::wrong(words[0] + ": the path ends with HOSTID; clients mount what is below");
  auto session = sfs::session_for(access, *server);
  if (!session) async::fatal("%s", session.why().c_str());
  if (give_up) session->give_up_after = std::chrono::seconds(give_up);

  sfs::gateway gateway(*server, std::move(*session), options);
  const int nfs = listen_on(port), nfs_port = async::local_port(nfs);
  const int mount = second ? listen_on(mount_port) : -1;
  const int mount_at = second ? async::local_port(mount) : nfs_port;
  for (int signal : {SIGTERM, SIGINT})
    async::sigcb(signal, async::wrap(&gateway, &sfs::gateway::end));
  gateway.begin(async::wrap([&] {
    gateway.accept_on(nfs);
    if (second) gateway.accept_on(mount);
    say_where(*server, nfs_port, mount_at);
  }));
  async::amain({.cpus = 1});
}
