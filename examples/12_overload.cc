// Teaches: turning requests away when there are too many.
//
// A stage of one color answers each line, in a millisecond. When there is more to do than time, a
// queue grows, until all answers come too late. So should_shed() is asked when a line's turn comes:
// a burst is let through, but while nobody's wait gets short, who has waited for long is told so at
// once. A line has waited before it was read, too: the probe measures for how long.
//
// Run:     build/release/examples/12_overload [PORT [CLIENTS]]
//          then, elsewhere: seq 1000 | nc -N localhost PORT | cut -c 1-4 | sort | uniq -c
// Prints:  listening on port PORT
// Ends when so many clients have gone; without CLIENTS it does not end.
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include "async/async.h"

namespace {

using async::load_shedder;

int clients_left = -1;  // unlimited
struct {
  const async::color its_color = async::color::fresh();
  load_shedder shedder{{.target = std::chrono::milliseconds(5)}};
  const async::queue_probe probe;
} stage;

std::string answer_to(const std::string& line) {
  const auto until = load_shedder::clock::now() + std::chrono::milliseconds(1);
  while (load_shedder::clock::now() < until) {}  // the work
  return "done: " + line + '\n';
}

void one_has_gone(std::error_code) {
  if (--clients_left == 0) async::stop();
}

struct client : async::refcount {
  explicit client(int fd) : io(async::aios::make(fd)) {}
  ~client() override { io->when_written(async::wrap(&one_has_gone)); }
  void next() { io->read_line(1000, async::wrap(mkref(this), &client::got_line)); }

  void got_line(async::aios_read& line) {
    if (!line) return;
    const auto now = load_shedder::clock::now(), since = now - stage.probe.delay(now);
    async::cpucb(async::cwrap(stage.its_color, mkref(this), &client::answer,
                              std::string(line.text()), since));
    next();
  }
  void answer(const std::string& line, load_shedder::clock::time_point since) {
    const bool busy = stage.shedder.should_shed(since);
    async::cpucb(
        async::wrap(mkref(this), &client::write, busy ? "busy: " + line + '\n' : answer_to(line)));
  }
  void write(const std::string& text) { io->write(text); }

  const async::aios_t io;
};

void new_client(int fd) {
  if (fd < 0) async::fatal("can't accept: %s", std::strerror(errno));
  async::make_ref<client>(fd)->next();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2) clients_left = std::atoi(argv[2]);
  const int door = async::tcp_listen(argc > 1 ? std::atoi(argv[1]) : 0);
  if (door < 0) async::fatal("can't listen: %s", std::strerror(errno));
  std::printf("listening on port %d\n", async::local_port(door));
  std::fflush(stdout);
  const async::acceptor accepting(door, async::wrap(&new_client));
  async::amain();
}
