// chat: lines that one says in a room are heard by all who are in it. What it teaches, and what its
// colors are, is in README.md beside it.
//
// Run:     build/release/examples/chat/chat [WHERE...]     (default: 127.0.0.1:7008)
// Then:    nc 127.0.0.1 7008, several times; /join ROOM
// Ends:    with SIGTERM or SIGINT, when all were told; with a second one at once. SIGHUP starts the
//          program anew, which takes over the sockets, and ends this one.
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "async/async.h"
#include "async/handover.h"
#include "examples/chat/room.h"

namespace {

using namespace std::chrono_literals;

std::vector<async::named_socket> open_doors(const std::vector<std::string>& where) {
  std::vector<async::named_socket> doors = async::inherited_sockets();
  if (!doors.empty()) return doors;
  for (const std::string& one : where) {
    const int fd = async::listening_socket(one);
    if (fd < 0) async::fatal("can't listen at %s: %s", one.c_str(), std::strerror(errno));
    doors.push_back({fd, "chat"});
  }
  return doors;
}

}  // namespace

int main(int argc, char** argv) {
  async::setprogname(argv[0]);
  const std::vector<std::string> command(argv, argv + argc);
  std::vector<std::string> where(command.begin() + 1, command.end());
  if (where.empty()) where.emplace_back("127.0.0.1:7008");
  const auto doors = open_doors(where);

  async::server server(
      {.connections = async::room_for_connections()},
      async::wrap([](async::incoming from) { async::make_ref<chat::member>(from)->begin(); }));
  for (const async::named_socket& door : doors) {
    if (const auto error = server.listen(door.fd))
      async::fatal("can't listen: %s", error.message().c_str());
  }
  const auto end = [&server] {
    async::notify("STOPPING=1");
    server.drain(5s, async::wrap([](std::size_t) { async::stop(); }));
  };
  for (const int signal : {SIGTERM, SIGINT}) async::sigcb(signal, async::wrap(end));
  async::sigcb(SIGHUP, async::wrap([&] {
                 async::notify(async::reloading());
                 async::hand_over(doors, command, async::wrap([&](std::error_code error) {
                                    if (!error) return end();
                                    async::warn("not replaced: %s", error.message().c_str());
                                    async::notify("READY=1");
                                  }));
               }));
  for (const async::named_socket& door : doors)
    std::printf("listening on port %d, process %d\n", async::local_port(door.fd), getpid());
  std::fflush(stdout);
  async::notify("READY=1");
  async::amain();
}
