// sfskey: makes and shows the keys of servers and users, enters users' keys in a server's table and
// revokes both kinds.
#include <algorithm>
#include <cstdio>

#include "async/err.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/base/private_file.h"
#include "examples/sfsd/channel/keys.h"
#include "examples/sfsd/users/account.h"
#include "examples/sfsd/users/passphrase.h"
#include "examples/sfsd/users/revocation.h"
#include "examples/sfsd/users/table_edit.h"
#include "examples/sfsd/users/user_key.h"

namespace {

constexpr const char* help = R"(usage: sfskey gen [--location HOST[%PORT]] FILE
       sfskey gen --user [--comment TEXT] [--passphrase | --passphrase-file FILE] FILE
       sfskey show FILE
       sfskey register --users TABLE --user NAME [--expires YYYY-MM-DD] KEY
       sfskey revoke --users TABLE KEY
       sfskey revoke [-o FILE] SERVERKEY

Servers. A server's key is its identity. `gen` makes a new one, writes it to FILE (which must
not exist, and which only you may read), and prints the self-certifying path that clients use:

    /sfs/@LOCATION,HOSTID

LOCATION is where clients find the server: a host name, an IPv4 address or an [IPv6
address], and after a % the port if it is not 4433. HOSTID is a hash of LOCATION and of the
public key, so whoever has the path can tell the server from an impostor. A key is for one
LOCATION: to move a server, make a new one.

Users. A user's key says to servers who he is. `gen --user` makes one and prints its public
line, which is no secret; who runs the server enters that in the server's table of users:

    you:     sfskey gen --user --passphrase --comment you@laptop my.key
    server:  sfskey register --users /etc/sfs/users --user you 'sfs-ed25519 ... you@laptop'

KEY is a public line (as one word or as several) or a file with one, or a key file. NAME is an
account of the server's machine; what it may do, the user may. `revoke --users` marks a key in
the table: it is not good any more, and cannot be entered again. A server that is running goes
by the new table within two seconds.

Lost servers. When somebody else may have a server's key, `revoke SERVERKEY` prints a
certificate, signed with that key, that it must not be trusted any more. Give it to everybody
who uses the server. Clients refuse a server whose certificate is in one of their directories,
in a file named HOSTID:

    sfskey revoke -o ~/.config/sfs/revoked/HOSTID server.key

`show` prints the path of a server's key, the public line of a user's, or which server a
revocation certificate is for.

  --location HOST[%PORT]   default: localhost
  --user                   (gen) a user's key
  --comment TEXT           (gen) what tells the key from your other ones
  --passphrase             (gen) encrypt the key; the passphrase is asked on the terminal
  --passphrase-file FILE   (gen) encrypt it with the first line of FILE
  --users TABLE            the server's table; `register` makes it if there is none
  --user NAME              (register) whose key it is
  --expires YYYY-MM-DD     (register) the last day, in UTC, on which it is good
  -o FILE                  (revoke) write the certificate to FILE, which must not exist
  --help                   this text
)";

using sfs::command_line;

template <class T>
T needed(sfs::outcome<T> made) {
  if (!made) async::fatal("%s", made.why().c_str());
  return std::move(*made);
}

void succeed(const std::string& why_not) {
  if (!why_not.empty()) async::fatal("%s", why_not.c_str());
}

void print(const std::string& text) {
  std::puts(text.c_str());
  command_line::finish_output();
}

constexpr const char* commands_are = "say gen, show, register or revoke";

// The words behind the command: at least one, which is called `what`, and at most so many.
std::vector<std::string> words_of(command_line& line, std::string_view command, const char* what,
                                  std::size_t most) {
  auto words = line.rest(1 + most);
  if (words.empty() || words[0] != command) command_line::wrong(commands_are);
  if (words.size() == 1) command_line::wrong(words[0] + ": which " + what + "?");
  words.erase(words.begin());
  return words;
}

std::string only_word(command_line& line, std::string_view command, const char* what) {
  return std::move(words_of(line, command, what, 1)[0]);
}

int generate_server(command_line& line) {
  const std::string where = line.value_or("--location", "localhost");
  const auto location = sfs::server_location::parse(where);
  if (!location) command_line::wrong("--location " + where + ": " + location.why());
  const std::string file = only_word(line, "gen", "FILE");
  const auto key = needed(sfs::server_key::generate(*location));
  succeed(key.save(file));
  print(key.path().text());
  return 0;
}

int generate_user(command_line& line) {
  const std::string comment = line.value_or("--comment", "");
  const auto passphrase_file = line.value("--passphrase-file");
  const bool ask = line.flag("--passphrase");
  if (const std::string why = sfs::why_no_comment(comment); !why.empty())
    command_line::wrong("--comment: " + why);
  if (ask && passphrase_file) command_line::wrong("one passphrase is enough");
  const std::string file = only_word(line, "gen", "FILE");
  const auto key = needed(sfs::user_key::generate(comment));
  sfs::secret_text passphrase;
  if (passphrase_file) passphrase = needed(sfs::read_passphrase(*passphrase_file));
  if (ask) passphrase = needed(sfs::ask_new_passphrase("New passphrase of " + file));
  succeed(key.save(file, passphrase.view()));
  print(key.who().text());
  return 0;
}

int generate(command_line& line) {
  return line.flag("--user") ? generate_user(line) : generate_server(line);
}

// What is in a file that sfskey made, or in one with a public line.
sfs::secret_text content_of(const std::string& file) {
  return needed(sfs::read_small_file(file, 4096, sfs::allows_others::anything));
}

sfs::public_line public_line_in(const std::string& file) {
  const auto content = content_of(file);
  if (content.view().starts_with(sfs::user_key_label) ||
      content.view().starts_with(sfs::server_key_label))
    return needed(sfs::user_key::load_public(file));
  auto found = sfs::public_line::parse(content.view());
  if (!found) async::fatal("%s: %s", file.c_str(), found.why().c_str());
  return std::move(*found);
}

int show(command_line& line) {
  const std::string file = only_word(line, "show", "FILE");
  const auto content = content_of(file);
  if (content.view().starts_with(sfs::server_key_label)) {
    print(needed(sfs::server_key::load(file)).path().text());
  } else if (content.view().starts_with(sfs::revocation_word)) {
    const auto certificate = sfs::revocation::parse(content.view());
    if (!certificate) async::fatal("%s: %s", file.c_str(), certificate.why().c_str());
    print("revoked: " + certificate->path().text());
  } else if (content.view().starts_with(sfs::user_key_label) ||
             content.view().starts_with(sfs::public_line_word)) {
    print(public_line_in(file).text());
  } else {
    async::fatal("%s: not a file made by sfskey", file.c_str());
  }
  return 0;
}

// KEY, of the words behind the command: the words of a public line, or a file.
sfs::public_line key_in(command_line& line, std::string_view command) {
  const auto words = words_of(line, command, "KEY", 64);
  std::string text = words[0];
  for (std::size_t i = 1; i < words.size(); ++i) text.append(" ").append(words[i]);
  if (text.starts_with(std::string(sfs::public_line_word) + " ")) {
    auto found = sfs::public_line::parse(text);
    if (!found) command_line::wrong(found.why());
    return std::move(*found);
  }
  if (words.size() > 1) command_line::wrong("unexpected: " + words[1]);
  return public_line_in(text);
}

int enter(command_line& line) {
  const std::optional<std::string> name = line.value("--user");  // first: it looks like the other
  const std::string table = line.required("--users TABLE");
  const std::string user = name ? *name : line.required("--user NAME");
  std::optional<sfs::date> expires;
  if (const auto day = line.value("--expires"); day && !(expires = sfs::parse_date(*day)))
    command_line::wrong("--expires " + *day + ": it is YYYY-MM-DD");
  if (const std::string why = sfs::why_no_user_name(user); !why.empty())
    command_line::wrong("--user: " + why);
  const sfs::public_line key = key_in(line, "register");
  succeed(sfs::register_key(table, user, key, expires));
  const auto account = sfs::system_account(user);
  if (account && !*account)
    async::warn("there is no account %s on this machine; its key is in the table all the same",
                user.c_str());
  return 0;
}

int revoke_user(command_line& line, const std::string& table) {
  const sfs::public_line key = key_in(line, "revoke");
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  print(needed(sfs::revoke_key(table, key.key, today)).text());
  return 0;
}

int revoke_server(command_line& line) {
  const auto to = line.value("-o");
  const std::string file = only_word(line, "revoke", "SERVERKEY");
  const std::string text = sfs::revocation::of(needed(sfs::server_key::load(file))).text();
  if (to) {
    succeed(sfs::write_new_file(*to, text, 0644));
  } else {
    std::fputs(text.c_str(), stdout);
    command_line::finish_output();
  }
  return 0;
}

int revoke(command_line& line) {
  const auto table = line.value("--users");
  return table ? revoke_user(line, *table) : revoke_server(line);
}

struct command {
  const char* name;
  int (*run)(command_line&);
};
constexpr command commands[] = {
    {"gen", generate}, {"show", show}, {"register", enter}, {"revoke", revoke}};

}  // namespace

int main(int argc, char** argv) {
  command_line line(argc, argv, help);
  // Options may be in front of the command, and which there are depends on it.
  for (int i = 1; i < argc; ++i)
    for (const command& c : commands)
      if (std::string_view(argv[i]) == c.name) return c.run(line);
  command_line::wrong(commands_are);
}
