// Teaches: connecting, giving up, and errors.
//
// tcpconnect() looks the name up and connects, and nothing waits meanwhile. It has no time limit of
// its own: here a timer races it. Whichever comes first takes the other away, which then does not
// run. Sends one line to a server such as 04_echo, and prints the line that it answers.
//
// Run:     build/release/examples/06_client HOST PORT TEXT
// Prints:  the answer; or, on standard error and with exit status 1, why there is none
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "async/async.h"

namespace {

int exit_status = 0;

struct question : async::refcount {
  explicit question(const char* line) : text(line) {}
  ~question() override { close(fd); }

  void ask(const char* host, int port) {
    connecting = async::tcpconnect(host, port, async::wrap(mkref(this), &question::connected));
    patience = async::delaycb(std::chrono::seconds(10),
                              async::wrap(mkref(this), &question::fail, "no answer in 10 seconds"));
  }

  void connected(int socket) {
    if (socket < 0) return fail(std::strerror(errno));
    fd = socket;
    bytes.format("%s\n", text.c_str());
    bytes.output(fd);  // a new connection takes one line at once
    async::fdcb(fd, async::selread, async::wrap(mkref(this), &question::readable));
  }

  void readable() {
    const async::io_result got = bytes.input(fd);
    if (got.status == async::io_status::would_block) return;
    if (got.status != async::io_status::done) return fail("the server has closed the connection");
    const std::string answer(bytes.pullup(bytes.resid()), bytes.resid());
    if (!answer.ends_with('\n')) return;
    std::printf("%s", answer.c_str());
    finish(0);
  }

  void fail(const char* why) {
    async::warn("%s", why);
    finish(1);
  }

  void finish(int status) {  // taking away what is not there any more does nothing
    exit_status = status;
    async::tcpconnect_cancel(connecting);
    async::timecb_remove(patience);
    async::fdcb(fd, async::selread, nullptr);
    async::stop();
  }

  int fd = -1;
  const std::string text;
  async::suio bytes;
  async::tcpconnect_t connecting;
  async::timecb_t patience;
};

}  // namespace

int main(int argc, char** argv) {
  async::setprogname(argv[0]);
  if (argc != 4) async::fatal("usage: 06_client HOST PORT TEXT");
  async::make_ref<question>(argv[3])->ask(argv[1], std::atoi(argv[2]));
  async::amain();
  return exit_status;
}
