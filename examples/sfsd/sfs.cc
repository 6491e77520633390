// sfs: lists directories and copies files of a server that is named by its self-certifying path.
#include <algorithm>
#include <cstdio>
#include <ctime>

#include "async/err.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/base/shown.h"
#include "examples/sfsd/client/new_file.h"
#include "examples/sfsd/client/remote.h"

namespace {

using sfs::shown;

constexpr const char* help = R"(usage: sfs ls [-l] PATH
       sfs get PATH FILE

PATH is self-certifying: it names the server and its key, and behind them a file:

    sfs ls  /sfs/@localhost,HOSTID/music
    sfs get /sfs/@localhost,HOSTID/music/song.flac song.flac

The server has to prove that it holds the key which HOSTID names, or nothing is sent to it or
taken from it. `get` makes or replaces FILE only when all of it has come; - is standard output,
and a device or a FIFO is written to as it is.

  -l                    also mode, size and time of each file
  --suite NAMES         suites to ask for, best first, separated by commas
                        (default: aes-128-gcm,chacha20-poly1305,aes-256-gcm)
  --connect HOST[%PORT] connect there instead (a tunnel, say); the key must be the same
  --help                this text
)";

std::string long_line(sfs::remote_files& files, sfs::file_handle& handle, const std::string& name) {
  const auto a = files.attributes(handle);
  if (!a) return shown(name) + ": " + a.why();
  constexpr char types[] = "?-dbclsp";
  constexpr char bits[] = "rwxrwxrwx";
  std::string mode(1, types[a->type >= NF3REG && a->type <= NF3FIFO ? a->type : 0]);
  for (int i = 0; i < 9; ++i) mode += (a->mode >> (8 - i) & 1) != 0 ? bits[i] : '-';
  char when[32], line[128];
  const std::time_t t = a->mtime.seconds;
  std::strftime(when, sizeof when, "%Y-%m-%d %H:%M", std::localtime(&t));
  std::snprintf(line, sizeof line, "%s %12llu  %s  ", mode.c_str(),
                static_cast<unsigned long long>(a->size), when);
  std::string text = line + shown(name);
  if (a->type == NF3LNK)
    if (const auto target = files.link_target(handle)) text += " -> " + shown(*target);
  return text;
}

[[noreturn]] void give_up(const std::string& what, const std::string& why) {
  async::fatal("%s: %s", what.empty() ? "/" : shown(what).c_str(), shown(why).c_str());
}

sfs::remote_files connect(const sfs::self_certifying_path& path, const sfs::client_options& o) {
  auto channel = sfs::client_channel::connect(path, o);
  if (!channel) give_up(path.location.text, channel.why());
  return sfs::remote_files(std::move(*channel));
}

void list(sfs::remote_files& files, const std::string& path, bool with_attributes) {
  auto handle = files.walk(path);
  if (!handle) give_up(path, handle.why());
  const auto a = files.attributes(*handle);
  if (!a) give_up(path, a.why());
  if (a->type != NF3DIR) {
    const std::string name = path.substr(path.rfind('/') + 1);
    std::puts((with_attributes ? long_line(files, *handle, name) : shown(name)).c_str());
    return;
  }
  auto entries = files.list(*handle);
  if (!entries) give_up(path, entries.why());
  std::sort(entries->begin(), entries->end(), [](auto& a, auto& b) { return a.name < b.name; });
  for (const auto& e : *entries) {
    if (e.name == "." || e.name == "..") continue;
    if (!with_attributes) {
      std::puts(shown(e.name).c_str());
    } else if (auto file = files.look_up(*handle, e.name)) {
      std::puts(long_line(files, *file, e.name).c_str());
    } else {
      std::puts((shown(e.name) + ": " + shown(file.why())).c_str());
    }
  }
}

void get(sfs::remote_files& files, const std::string& path, const std::string& to) {
  auto handle = files.walk(path);
  if (!handle) give_up(path, handle.why());
  auto out = sfs::new_file::create(to);
  if (!out) async::fatal("%s", shown(out.why()).c_str());
  bool written = true;
  const auto size =
      files.read_all(*handle, out->ahead(), [&](std::uint64_t offset, sfs::const_bytes data) {
        const std::string why = out->write(offset, data);
        written = why.empty();
        return why;
      });
  if (!size) {
    out->discard();
    give_up(written ? path : to, size.why());
  }
  if (const std::string why = out->keep(); !why.empty()) {
    out->discard();
    give_up(to, why);
  }
}

}  // namespace

int main(int argc, char** argv) {
  sfs::command_line line(argc, argv, help);
  sfs::client_options options;
  if (const auto names = line.value("--suite")) {
    const auto suites = sfs::parse_suites(*names);
    if (!suites) sfs::command_line::wrong("--suite " + *names + ": " + sfs::suites_are);
    options.suites = *suites;
  }
  if (const auto where = line.value("--connect")) {
    const auto location = sfs::server_location::parse(*where);
    if (!location) sfs::command_line::wrong("--connect " + *where + ": " + location.why());
    options.instead = *location;
  }
  const bool with_attributes = line.flag("-l");
  const auto words = line.rest(3);
  const bool is_get = !words.empty() && words[0] == "get";
  const bool is_ls = !words.empty() && words[0] == "ls";
  if (words.size() != (is_get ? 3u : 2u) || is_get == is_ls || (is_get && with_attributes))
    sfs::command_line::wrong("say ls [-l] PATH or get PATH FILE");
  const auto path = sfs::self_certifying_path::parse(words[1]);
  if (!path) sfs::command_line::wrong(words[1] + ": " + path.why());
  sfs::remote_files files = connect(*path, options);
  if (is_get) {
    get(files, path->rest, words[2]);
  } else {
    list(files, path->rest, with_attributes);
  }
  files.channel().close();
  sfs::command_line::finish_output();
}
