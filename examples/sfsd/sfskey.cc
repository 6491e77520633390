// sfskey: makes and shows server keys.
#include <cstdio>

#include "async/err.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/channel/keys.h"

namespace {

constexpr const char* help = R"(usage: sfskey gen [--location HOST[%PORT]] FILE
       sfskey show FILE

A server's key is its identity. `gen` makes a new one, writes it to FILE (which must not
exist, and which only you may read), and prints the self-certifying path that clients use:

    /sfs/@LOCATION,HOSTID

LOCATION is where clients find the server: a host name, an IPv4 address or an [IPv6
address], and after a % the port if it is not 4433. HOSTID is a hash of LOCATION and of the
public key, so whoever has the path can tell the server from an impostor. A key is for one
LOCATION: to move a server, make a new one.

`show` prints the path of a key that exists.

  --location HOST[%PORT]   default: localhost
  --help                   this text
)";

int generate(sfs::command_line& line) {
  const std::string where = line.value_or("--location", "localhost");
  const auto location = sfs::server_location::parse(where);
  if (!location) sfs::command_line::wrong("--location " + where + ": " + location.why());
  const std::string file = line.rest(2, 2)[1];
  const auto key = sfs::server_key::generate(*location);
  if (!key) async::fatal("%s", key.why().c_str());
  if (const std::string why = key->save(file); !why.empty()) async::fatal("%s", why.c_str());
  std::puts(key->path().text().c_str());
  sfs::command_line::finish_output();
  return 0;
}

int show(sfs::command_line& line) {
  const auto key = sfs::server_key::load(line.rest(2, 2)[1]);
  if (!key) async::fatal("%s", key.why().c_str());
  std::puts(key->path().text().c_str());
  sfs::command_line::finish_output();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  sfs::command_line line(argc, argv, help);
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "gen") return generate(line);
  if (command == "show") return show(line);
  sfs::command_line::wrong("say gen or show");
}
