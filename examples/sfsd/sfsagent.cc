// sfsagent: holds users' unlocked keys and signs logins with them, so that a passphrase is typed
// once and not for each connection. Serves stages 1 to 6.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "async/err.h"
#include "async/main.h"
#include "async/signal.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/base/private_file.h"
#include "examples/sfsd/users/agent.h"
#include "examples/sfsd/users/agent_protocol.h"
#include "examples/sfsd/users/agent_server.h"
#include "examples/sfsd/users/passphrase.h"
#include "wrap/wrap.h"

namespace {

constexpr const char* help = R"(usage: sfsagent [OPTION...] KEYFILE...

Holds users' keys, made by sfskey gen --user, and signs logins with them for programs of the
same user. It asks for passphrases on the terminal, once, and prints the path of its socket:

    sfskey gen --user --passphrase ~/.config/sfs/key
    sfsagent --background ~/.config/sfs/key

A program can have it sign who logs in to which server, and nothing else; the keys themselves
never leave it. Ending it (SIGTERM, SIGINT or SIGHUP) forgets them.

  --socket PATH            where to listen (default: $XDG_RUNTIME_DIR/sfs-agent)
  --passphrase-file FILE   take the passphrases of all keys from the first line of FILE,
                           which only you may read
  --background             once the keys are unlocked, go on without the terminal
  --client-timeout S       seconds that a program has for its questions (default 30)
  --help                   this text
)";

// Keeps keys from core dumps, and from debuggers of the same user.
void hide_memory() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) < 0 || ::prctl(PR_SET_DUMPABLE, 0) < 0)
    async::fatal("cannot keep the keys from core dumps: %s", sfs::system_reason().c_str());
}

std::vector<sfs::user_key> load(const std::vector<std::string>& files,
                                const std::optional<std::string>& passphrase_file) {
  std::vector<sfs::user_key> keys;
  for (const std::string& file : files) {
    auto key = sfs::user_key::load(file, sfs::passphrase_for(file, passphrase_file));
    if (!key) async::fatal("%s", key.why().c_str());
    const auto is_same = [&](const auto& other) { return other.who().key == key->who().key; };
    if (std::ranges::none_of(keys, is_same)) keys.push_back(std::move(*key));
  }
  return keys;
}

// Goes on in a child, without the terminal. Nothing is registered with the event loop yet.
void go_to_background() {
  // If we were started by nobody's shell, our end hangs up the terminal, perhaps before the child
  // has left it. main() says later what the signal does.
  ::signal(SIGHUP, SIG_IGN);
  const pid_t child = ::fork();
  if (child < 0) async::fatal("cannot fork: %s", sfs::system_reason().c_str());
  if (child > 0) ::_exit(0);
  ::setsid();
  if (!std::freopen("/dev/null", "r", stdin) || !std::freopen("/dev/null", "w", stdout) ||
      !std::freopen("/dev/null", "w", stderr))
    ::_exit(1);
}

// Removes the socket, unless another one has taken its place.
void remove_socket(const std::string& path, const struct stat& ours) {
  struct stat now;
  if (::lstat(path.c_str(), &now) == 0 && now.st_dev == ours.st_dev && now.st_ino == ours.st_ino)
    ::unlink(path.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  sfs::command_line line(argc, argv, help);
  const std::string path = line.value_or("--socket", sfs::default_agent_socket());
  const auto passphrase_file = line.value("--passphrase-file");
  const bool background = line.flag("--background");
  const std::chrono::seconds time_for_client(line.number("--client-timeout", 30, 1, 3600));
  const auto files = line.rest(sfs::max_agent_keys);
  if (files.empty()) sfs::command_line::wrong("which KEYFILE?");
  if (path.empty()) sfs::command_line::wrong("say --socket PATH: there is no $XDG_RUNTIME_DIR");

  hide_memory();
  auto keys = load(files, passphrase_file);
  auto listening = sfs::listen_for_clients(path);
  struct stat ours;
  if (!listening) async::fatal("%s", listening.why().c_str());
  if (::lstat(path.c_str(), &ours) < 0)
    async::fatal("%s: %s", path.c_str(), sfs::system_reason().c_str());
  std::puts(path.c_str());
  sfs::command_line::finish_output();
  if (background) go_to_background();

  const auto agent = async::make_ref<sfs::agent_server>(std::move(keys), time_for_client);
  if (const std::string why = agent->serve(std::move(*listening)); !why.empty())
    async::fatal("%s: %s", path.c_str(), why.c_str());
  for (int signal : {SIGTERM, SIGINT, SIGHUP})
    async::sigcb(signal, async::wrap([] { async::stop(); }));
  async::amain({.cpus = 1});
  agent->end();
  remove_socket(path, ours);
  ::prctl(PR_SET_DUMPABLE, 1);  // there are no keys any more
}
