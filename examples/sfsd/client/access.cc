// See access.h.
#include "examples/sfsd/client/access.h"

#include <unistd.h>

#include <cstdlib>

#include "examples/sfsd/client/remote.h"
#include "examples/sfsd/users/passphrase.h"
#include "examples/sfsd/users/revocation.h"

namespace sfs {
namespace {

// $XDG_CONFIG_HOME/sfs/user.key, or beneath ~/.config; empty if there is no home.
std::string default_key_file() {
  if (const char* config = std::getenv("XDG_CONFIG_HOME"); config && config[0] == '/')
    return std::string(config) + "/sfs/user.key";
  const char* home = std::getenv("HOME");
  return home && home[0] == '/' ? std::string(home) + "/.config/sfs/user.key" : std::string();
}

}  // namespace

access_options take_access_options(command_line& line) {
  access_options o;
  if (const auto names = line.value("--suite")) {
    const auto suites = parse_suites(*names);
    if (!suites) command_line::wrong("--suite " + *names + ": " + suites_are);
    o.reach.suites = *suites;
  }
  if (const auto where = line.value("--connect")) {
    const auto location = server_location::parse(*where);
    if (!location) command_line::wrong("--connect " + *where + ": " + location.why());
    o.reach.instead = *location;
  }
  const auto directory = line.value("--revocations");
  o.revocations = directory ? std::vector{*directory} : default_revocation_directories();
  const auto key = line.value("--user-key");
  o.key_file_is_needed = key.has_value();
  o.key_file = key.value_or(default_key_file());
  o.passphrase_file = line.value("--passphrase-file");
  o.log_in = !line.flag("--no-login");
  if (key && !o.log_in) command_line::wrong("--user-key and --no-login contradict each other");
  return o;
}

outcome<std::vector<std::unique_ptr<login_signer>>> our_signers(const access_options& o) {
  std::vector<std::unique_ptr<login_signer>> all;
  if (!o.log_in) return all;
  if (const std::string socket = default_agent_socket(); !o.key_file_is_needed && !socket.empty()) {
    auto held = agent_signers(socket);
    if (!held || !held->empty()) return held;
  }
  const bool there = !o.key_file.empty() && ::access(o.key_file.c_str(), F_OK) == 0;
  if (!there && !o.key_file_is_needed) return all;
  auto key = user_key::load(o.key_file, passphrase_for(o.key_file, o.passphrase_file));
  if (!key) return key.as_failure();
  all.push_back(signer_with(std::move(*key)));
  return all;
}

std::string why_nobody_is_refused(const access_options& o) {
  return std::string(nothing_for_nobody) +
         (o.log_in
              ? ": log in with --user-key FILE, or with a key that sfsagent holds, which has to "
                "be registered there (sfskey --help says how)"
              : ": leave out --no-login");
}

std::string why_not_trusted(const access_options& o, const hostid& server) {
  const standing s = check_revocation(server, o.revocations);
  return s ? std::string() : s.why;
}

}  // namespace sfs
