// fault_client: the clients of tests/interop/kill_check, disk_check and clients_check. See crew.h
// and crowd.h.
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>

#include "async/err.h"
#include "async/main.h"
#include "examples/sfsd/base/command_line.h"
#include "examples/sfsd/client/login.h"
#include "tests/interop/faults/crew.h"
#include "tests/interop/faults/crowd.h"
#include "tests/interop/faults/program.h"
#include "tests/interop/faults/writer.h"

namespace {

constexpr const char* help = R"(usage: fault_client write [OPTION...] PATH
       fault_client program --mount DIR [OPTION...]
       fault_client rude|deaf [OPTION...] PATH

Clients for tests of what happens when something fails. PATH is /sfs/@LOCATION,HOSTID.

write: writers, each in a new directory of the export, who keep count of what they were told
and compare it with what is there. They are told what to do on standard input: see crew.h.
  --export DIR      where the server has what it exports
  --writers N       (default 16)
  --name NAME       the writers' directories are NAME-0, NAME-1, ... (default w)
  --plain HOST%PORT   plain NFS, as a gateway offers it, instead of PATH
  --log-size BYTES  of each file of records (default 262144)
  --logs N          of these files to keep for each writer (default 8)
  --between MS      the mean pause between two steps (default 0)
  --seed N          (default 1)

program: the same with programs on a mounted file system, in threads.
  --mount DIR       where it is mounted

rude: clients that waste the server's time; deaf: clients that read no replies. See crowd.h.
  --count N         (default 100)
  --seconds S       (default 10)

)";

using namespace sfs::faults;

std::unique_ptr<nfs_link> new_link(const std::optional<std::string>& plain,
                                   const sfs::access_options& access, const std::string& path) {
  if (plain) {
    auto where = sfs::server_location::parse(*plain);
    if (!where) sfs::command_line::wrong("--plain: " + where.why());
    return plain_link(*where);
  }
  const auto server = sfs::self_certifying_path::parse(path);
  if (!server) sfs::command_line::wrong(path + ": " + server.why());
  auto options = sfs::session_for(access, *server);
  if (!options) async::fatal("%s", options.why().c_str());
  return session_link(*server, std::move(*options));
}

worker_options take_options(sfs::command_line& line) {
  worker_options o;
  o.log_size = static_cast<std::uint32_t>(line.number("--log-size", o.log_size, 1, 1 << 30));
  o.most_logs = line.number("--logs", o.most_logs, 1, 1'000'000);
  o.between = std::chrono::milliseconds(line.number("--between", 0, 0, 1'000'000));
  o.seed = line.number("--seed", 1, 0, UINT64_MAX);
  return o;
}

// What both kinds of workers are told.
int work(sfs::command_line& line, bool programs) {
  const sfs::access_options access = sfs::take_access_options(line);
  const worker_options o = take_options(line);
  const auto workers = static_cast<std::uint32_t>(line.number("--writers", 16, 1, 100'000));
  const auto plain = line.value("--plain");
  const std::string name = line.value_or("--name", "w");
  const auto exported = line.value("--export"), mounted = line.value("--mount");
  const auto words = line.rest(1);
  if (!exported || (programs ? !mounted : words.empty() && !plain))
    sfs::command_line::wrong("say --export DIR, and PATH, --plain HOST%PORT or --mount DIR");
  std::vector<std::unique_ptr<worker>> all;
  for (std::uint32_t i = 0; i < workers; ++i) {
    const std::string its = "/" + name + "-" + std::to_string(i);
    if (programs)
      all.push_back(std::make_unique<program>(i, *mounted + its, *exported + its, o));
    else
      all.push_back(std::make_unique<writer>(
          i, *exported + its, new_link(plain, access, words.empty() ? "" : words[0]), o));
  }
  crew everybody(std::move(all), o.seed);
  everybody.begin();
  async::amain({.cpus = 1, .pin = false});
  return 0;
}

int be_one_of_a_crowd(sfs::command_line& line, int (*what)(const crowd_options&)) {
  const sfs::access_options access = sfs::take_access_options(line);
  crowd_options o;
  o.count = line.number("--count", o.count, 1, 100'000);
  o.time = std::chrono::seconds(line.number("--seconds", 10, 0, 100'000));
  const auto words = line.rest(1);
  if (words.empty()) sfs::command_line::wrong("say PATH");
  auto server = sfs::self_certifying_path::parse(words[0]);
  if (!server) sfs::command_line::wrong(words[0] + ": " + server.why());
  auto signers = sfs::our_signers(access);
  if (!signers) async::fatal("%s", signers.why().c_str());
  o.server = *server;
  o.reach = access.reach;
  o.signer = signers->empty() ? nullptr : signers->front().get();
  return what(o);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  rlimit fds;
  if (::getrlimit(RLIMIT_NOFILE, &fds) == 0) {
    fds.rlim_cur = fds.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &fds);
  }
  const std::string what = argc > 1 ? argv[1] : "--help";
  if (what == "--help") argv[argc > 1 ? 1 : 0] = argv[0];
  sfs::command_line line(argc > 1 ? argc - 1 : argc, argc > 1 ? argv + 1 : argv,
                         std::string(help) + sfs::access_help);
  if (what == "write" || what == "program") return work(line, what == "program");
  if (what == "rude") return be_one_of_a_crowd(line, be_rude);
  if (what == "deaf") return be_one_of_a_crowd(line, be_deaf);
  std::fputs(help, stdout);
  return what == "--help" ? 0 : 2;
}
