// See options.h.
#include "examples/sfsd/mount/options.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "async/err.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/base/fd.h"

namespace sfs {
namespace {

constexpr const char* help =
    R"(usage: sfsmount [OPTION...] /sfs/@LOCATION,HOSTID[/SUBDIR] MOUNTPOINT

Mounts what a server exports, so that every program can use it like a local directory:

    mkdir music
    sfsmount /sfs/@server.example,HOSTID/music music
    ls music
    fusermount3 -u music

The server has to prove that it holds the key which HOSTID names; everything is encrypted. If the
connection breaks, programs wait until it is back, and go on.

Who one is
  --user-key FILE       log in with this key, made by sfskey gen --user
  --passphrase-file F   for a key that is encrypted; else it is asked for on the terminal
  --agent               log in with the first key that sfsagent holds
                        (without any of these, one is anonymous)

If root mounts, and the server takes the key for root's, then this is a file system for all users
of this machine, whose kernel decides who may do what. Else the server decides, and what is the
login's there is shown as one's own here.

What is mounted
  --read-only           nothing can be changed
  --allow-other         other users may use it too (for root, that is always so if root logs in)
  -o OPTION[,OPTION...] as in fstab: ro, allow_other, dev, suid, noexec, noatime, ...; also
                        foreground, user-key=FILE, passphrase-file=FILE, agent,
                        suite=NAME[:NAME], connect=HOST%PORT

How
  --foreground          stay in the foreground; else sfsmount ends when it is mounted (or says why
                        it is not), and what serves it goes on in the background
  --suite NAMES         suites to ask for, best first, separated by commas
                        (default: aes-128-gcm,chacha20-poly1305,aes-256-gcm)
  --connect HOST[%PORT] connect there instead (a tunnel, say); the key must be the same
  --help                this text

What is written is sent while programs go on; close(2) waits until the server has all of it, and
fsync(2) until it is on the server's disk. What others change is seen at once if the server leases
attributes, and after a second if not. Files that are removed while they are open are called
.sfs... on the server until they are closed. Locks hold among the programs of this machine.

fusermount3 -u MOUNTPOINT (or umount, as root) ends it well, and so do SIGTERM and SIGINT.

In /etc/fstab:
  /sfs/@LOCATION,HOSTID  /mnt/data  fuse.sfsmount  user-key=/etc/sfs/root.key,_netdev  0  0
)";

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// What fstab says to mount(8), and not to us.
bool is_for_others(const std::string& option) {
  static const std::vector<std::string> all{"defaults", "auto",  "noauto",  "user",
                                            "nouser",   "users", "_netdev", "nofail"};
  return std::find(all.begin(), all.end(), option) != all.end() || option.starts_with("x-") ||
         option.starts_with("comment=");
}

void take_suites(mount_options& o, std::string names) {
  const auto suites = parse_suites(names);
  if (!suites) command_line::wrong("--suite " + names + ": " + suites_are);
  o.suites = *suites;
}

void take_location(mount_options& o, const std::string& where) {
  const auto location = server_location::parse(where);
  if (!location) command_line::wrong("--connect " + where + ": " + location.why());
  o.instead = *location;
}

void take_option(mount_options& o, const std::string& option) {
  const std::size_t equals = option.find('=');
  const std::string name = option.substr(0, equals);
  std::string value = equals == option.npos ? std::string() : option.substr(equals + 1);
  if (is_for_others(option)) return;
  if (option == "ro") {
    o.read_only = true;
  } else if (option == "allow_other") {
    o.allow_other = true;
  } else if (option == "foreground") {
    o.foreground = true;
  } else if (option == "agent") {
    o.agent = true;
  } else if (name == "user-key") {
    o.user_key = value;
  } else if (name == "passphrase-file") {
    o.passphrase_file = value;
  } else if (name == "connect") {
    take_location(o, value);
  } else if (name == "suite") {
    std::replace(value.begin(), value.end(), ':', ',');
    take_suites(o, value);
  } else {
    o.for_kernel.push_back(option);
  }
}

// In the background the program is in another directory.
std::string absolute(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) async::fatal("%s: %s", path.c_str(), system_reason().c_str());
  return real.get();
}

}  // namespace

mount_options parse_mount_options(int argc, char** argv) {
  command_line line(argc, argv, help);
  mount_options o;
  take_suites(o, "aes-128-gcm,chacha20-poly1305,aes-256-gcm");
  for (const std::string& all : line.values("-o"))
    for (const std::string& option : split(all, ',')) take_option(o, option);
  if (const auto names = line.value("--suite")) take_suites(o, *names);
  if (const auto where = line.value("--connect")) take_location(o, *where);
  if (const auto file = line.value("--user-key")) o.user_key = *file;
  if (const auto file = line.value("--passphrase-file")) o.passphrase_file = *file;
  o.agent |= line.flag("--agent");
  if (o.agent && o.user_key) command_line::wrong("say --user-key or --agent");
  o.foreground |= line.flag("--foreground");
  o.read_only |= line.flag("--read-only");
  o.allow_other |= line.flag("--allow-other");
  const auto words = line.rest(2);
  if (words.size() != 2) command_line::wrong("say what to mount, and where");
  const auto path = self_certifying_path::parse(words[0]);
  if (!path) command_line::wrong(words[0] + ": " + path.why());
  o.server = *path;
  o.source = words[0];
  o.mountpoint = absolute(words[1]);
  if (o.read_only) o.for_kernel.push_back("ro");
  return o;
}

}  // namespace sfs
