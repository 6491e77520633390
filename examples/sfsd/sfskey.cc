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

int generate(const std::string& where, const std::string& file) {
  const auto location = sfs::server_location::parse(where);
  if (!location) sfs::command_line::wrong("--location " + where + ": " + location.why());
  const auto key = sfs::server_key::generate(*location);
  if (!key) async::fatal("%s", key.why().c_str());
  if (const std::string why = key->save(file); !why.empty()) async::fatal("%s", why.c_str());
  std::puts(key->path().text().c_str());
  sfs::command_line::finish_output();
  return 0;
}

int show(const std::string& file) {
  const auto key = sfs::server_key::load(file);
  if (!key) async::fatal("%s", key.why().c_str());
  std::puts(key->path().text().c_str());
  sfs::command_line::finish_output();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  sfs::command_line line(argc, argv, help);
  const auto location = line.value("--location");
  const auto words = line.rest(2);
  if (words.size() == 2 && words[0] == "gen")
    return generate(location.value_or("localhost"), words[1]);
  if (words.size() == 2 && words[0] == "show" && !location) return show(words[1]);
  sfs::command_line::wrong("say gen FILE or show FILE");
}
