// sfs: works with the files of a server that is named by its self-certifying path.
#include <cstdio>

#include "async/err.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/base/shown.h"
#include "examples/sfsd/client/access.h"
#include "examples/sfsd/client/copies.h"
#include "examples/sfsd/client/listing.h"
#include "examples/sfsd/client/remote.h"

namespace {

using sfs::shown;

constexpr const char* help = R"(usage: sfs ls [-l] PATH
       sfs stat PATH
       sfs cat PATH
       sfs get [--resume] PATH FILE
       sfs put FILE PATH
       sfs rm [-r] PATH

PATH is self-certifying: it names the server and its key, and behind them a file:

    sfs ls  /sfs/@localhost,HOSTID/music
    sfs get /sfs/@localhost,HOSTID/music/song.flac song.flac
    sfs put letter.txt /sfs/@localhost,HOSTID/letters/letter.txt

The server has to prove that it holds the key which HOSTID names, or nothing is sent to it or
taken from it. It knows us by our own key, or treats us as an anonymous client.

`get` makes or replaces FILE only when all of it has come, and `put` likewise on the server; -
is standard output or input, and a device or a FIFO is written to or read from as it is.

  -l                    also mode, size and time of each file
  -r                    remove a directory with all that is in it
  --resume              keep what has come when the copy is interrupted, and go on from there
                        next time, if the file is still the same
  --progress            show how far a copy is, though standard error is no terminal
  --quiet               do not show it
)";

constexpr const char* help_end = R"(  --help                this text
)";

// With what to do about it, if that is known.
std::string explained(const std::string& why, const sfs::access_options& access) {
  return why == sfs::nothing_for_nobody ? sfs::why_nobody_is_refused(access) : why;
}

[[noreturn]] void give_up(const std::string& what, const std::string& why) {
  async::fatal("%s: %s", what.empty() ? "/" : shown(what).c_str(), shown(why).c_str());
}

// A channel on which we have said who we are.
sfs::remote_files connect(const sfs::self_certifying_path& path, sfs::access_options o) {
  if (const std::string why = sfs::why_not_trusted(o, path.id); !why.empty())
    give_up(path.location.text, why);
  const auto signers = sfs::our_signers(o);
  if (!signers) give_up("the user's key", signers.why());
  o.reach.silent = [&] {
    async::warn("%s does not answer; trying for %lld s", path.location.text.c_str(),
                static_cast<long long>(o.reach.timeout.count()));
  };
  auto channel = sfs::client_channel::connect(path, o.reach);
  if (!channel) give_up(path.location.text, channel.why());
  sfs::remote_files files(std::move(*channel));
  for (const auto& signer : *signers) {
    const auto name = files.log_in(*signer);
    if (name) return files;
    if (!name.why().empty()) give_up(path.location.text, name.why());
  }
  if (!signers->empty())
    async::warn("%s does not accept our key: we are nobody there", path.location.text.c_str());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  sfs::command_line line(argc, argv, std::string(help) + sfs::access_help + help_end);
  const sfs::access_options access = sfs::take_access_options(line);
  const bool long_form = line.flag("-l"), recursive = line.flag("-r");
  sfs::copy_options copying;
  copying.resume = line.flag("--resume");
  if (line.flag("--progress")) copying.show = sfs::progress::when::always;
  if (line.flag("--quiet")) copying.show = sfs::progress::when::never;
  const auto words = line.rest(3);
  const std::string verb = words.empty() ? "" : words[0];
  const bool copies = verb == "get" || verb == "put";
  const bool known = copies || verb == "ls" || verb == "stat" || verb == "cat" || verb == "rm";
  if (!known || words.size() != (copies ? 3u : 2u))
    sfs::command_line::wrong("say ls, stat, cat or rm PATH, get PATH FILE or put FILE PATH");
  if ((long_form && verb != "ls") || (recursive && verb != "rm") ||
      (copying.resume && verb != "get"))
    sfs::command_line::wrong("-l is for ls, -r for rm and --resume for get");
  if (copies && words[verb == "put" ? 1 : 2].empty())
    sfs::command_line::wrong("FILE is empty: name a file, or - for standard input or output");
  const std::string& text = words[verb == "put" ? 2 : 1];
  const auto path = sfs::self_certifying_path::parse(text);
  if (!path) sfs::command_line::wrong(text + ": " + path.why());

  sfs::remote_files files = connect(*path, access);
  if (copies || verb == "cat") {
    if (verb == "cat") copying.show = sfs::progress::when::never;
    const std::string here = verb == "cat" ? "-" : words[verb == "put" ? 1 : 2];
    const auto trouble = verb == "put" ? sfs::put(files, here, path->rest, copying)
                                       : sfs::get(files, path->rest, here, copying);
    if (!trouble.why.empty()) {
      const std::string stream = verb == "put" ? "standard input" : "standard output";
      give_up(!trouble.is_local ? path->rest
              : here == "-"     ? stream
                                : here,
              explained(trouble.why, access));
    }
  } else {
    const std::string why = verb == "ls"     ? sfs::list(files, path->rest, long_form)
                            : verb == "stat" ? sfs::print_attributes(files, path->rest)
                                             : sfs::remove(files, path->rest, recursive);
    if (!why.empty()) give_up(path->rest, explained(why, access));
  }
  files.channel().close();
  sfs::command_line::finish_output();
}
