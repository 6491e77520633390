// See options.h.
#include "examples/sfsd/mount/options.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "async/err.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/base/fd.h"
#include "examples/sfsd/base/shown.h"
#include "examples/sfsd/mount/kernel_side.h"

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

If root mounts, and the server takes our key for root's, then this is a file system for all users
of this machine, whose kernel decides who may do what. Else the server decides, and what is the
login's there is shown as one's own here.

What is mounted
  --read-only           nothing can be changed
  --allow-other         other users may use it too (for root, that is always so if root logs in)
  -o OPTION[,OPTION...] as in fstab: ro, allow_other, dev, suid, noexec, noatime, ...; and each
                        option of ours without its dashes: user-key=FILE, suite=NAME[:NAME]
  --foreground          stay in the foreground; else sfsmount ends when it is mounted (or says why
                        it is not), and what serves it goes on in the background

Who one is, and how the server is reached
)";

constexpr const char* help_end = R"(  --help                this text

What is written is sent while programs go on; close(2) waits until the server has all of it, and
fsync(2) until it is on the server's disk. What other clients change is seen at once if the server
leases attributes, and after a second if not; what is changed on the server's machine without it is
seen when a lease has ended. Files that are removed while they are open are called
.sfs... on the server until they are closed. Locks hold among the programs of this machine.

fusermount3 -u MOUNTPOINT (or umount, as root) ends it well, and so do SIGTERM and SIGINT. If the
server has not yet stored all that was written, it is given a minute for that; a second signal
ends it at once. What is lost is said, to the system's log if it is in the background.

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

// An option of ours, as it would be without -o; empty if it is not one of ours.
std::string as_ours(std::string option) {
  static const std::vector<std::string> flags{"foreground", "no-login", "read-only", "allow-other"},
      values{"user-key", "passphrase-file", "revocations", "suite", "connect"};
  const auto is_in = [](const std::vector<std::string>& all, const std::string& name) {
    return std::find(all.begin(), all.end(), name) != all.end();
  };
  if (option == "ro") return "--read-only";
  if (option == "allow_other") return "--allow-other";
  if (is_in(flags, option)) return "--" + option;
  const std::string name = option.substr(0, option.find('='));
  if (name == option || !is_in(values, name)) return {};
  if (name == "suite") std::replace(option.begin(), option.end(), ':', ',');
  return "--" + option;
}

// In the background the program is in another directory. A / at the end would have the kernel look
// into the directory, which may have a server that does not answer.
std::string absolute(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) async::fatal("%s: %s", path.c_str(), system_reason().c_str());
  return real.get();
}

}  // namespace

mount_options parse_mount_options(int argc, char** argv) {
  command_line line(argc, argv, std::string(help) + access_help + help_end);
  mount_options o;
  for (const std::string& all : line.values("-o")) {
    for (const std::string& option : split(all, ',')) {
      if (is_for_others(option)) continue;
      if (const std::string ours = as_ours(option); !ours.empty()) {
        line.add(ours);
      } else {
        o.for_kernel.push_back(option);
      }
    }
  }
  o.access = take_access_options(line);
  o.foreground = line.flag("--foreground");
  o.read_only = line.flag("--read-only");
  o.allow_other = line.flag("--allow-other");
  const auto words = line.rest(2);
  if (words.size() != 2) command_line::wrong("say what to mount, and where");
  const auto path = self_certifying_path::parse(words[0]);
  if (!path) command_line::wrong(words[0] + ": " + path.why());
  o.server = *path;
  o.source = words[0];
  o.mountpoint = absolute(words[1]);
  if (const std::string why = why_occupied(o.mountpoint); !why.empty())
    async::fatal("%s: %s", shown(o.mountpoint).c_str(), shown(why).c_str());
  if (struct stat st; ::stat(o.mountpoint.c_str(), &st) == 0 && !S_ISDIR(st.st_mode))
    async::fatal("%s: it is not a directory", words[1].c_str());
  if (o.read_only) o.for_kernel.push_back("ro");
  return o;
}

}  // namespace sfs
