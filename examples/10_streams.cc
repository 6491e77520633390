// Teaches: buffered streams, over TCP and TLS; back-pressure; time limits.
//
// A stream reads lines and writes what it is given: no buffers, no fdcb(). Each line asks for so
// many lines of answer: `full()` says that the client takes them too slowly, and answering goes on
// when it has. With a certificate the server speaks TLS: one line is different.
//
// Run:     build/release/examples/10_streams [PORT [CLIENTS [CHAIN KEY]]]
//          then, elsewhere: nc localhost PORT, or openssl s_client -quiet -connect localhost:PORT
//          and type: 3 lines of this
// Prints:  listening on port PORT
// Ends when so many clients have gone; without CLIENTS (or with -1) it does not end.
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "async/async.h"

namespace {

int clients_left = -1;                   // unlimited
async::ptr<async::tls_context> secrets;  // if it is a TLS server

const async::ref<async::aios_options> limits = [] {
  auto o = async::make_ref<async::aios_options>();
  o->read_limit = std::chrono::seconds(60);   // for a line
  o->write_limit = std::chrono::seconds(60);  // for taking a part of an answer
  o->handshake_limit = std::chrono::seconds(10);
  o->high = 64 * 1024;  // bytes that the client has not taken: full() from here on
  return o;
}();

struct client : async::refcount {
  explicit client(int fd)
      : io(secrets ? async::tls_accept(fd, async::ref<async::tls_context>(secrets), limits)
                   : async::aios::make(fd, limits)) {}
  ~client() override {
    if (--clients_left == 0) async::stop();
  }

  void got_line(async::aios_read& line) {
    if (!line) return io->close();
    text = line.text();
    left = std::atol(text.c_str());
    go_on();
  }

  void go_on(std::error_code failed = {}) {
    if (failed) return;
    for (; left > 0; --left) {
      if (io->full()) return io->when_writable(async::wrap(mkref(this), &client::go_on));
      io->format("%ld %s\n", left, text.c_str());
    }
    io->read_line(1000, async::wrap(mkref(this), &client::got_line));
  }

  const async::aios_t io;
  std::string text;
  long left = 0;
};

void new_client(int fd) {
  if (fd < 0) async::fatal("can't accept: %s", std::strerror(errno));
  async::make_ref<client>(fd)->go_on();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2) clients_left = std::atoi(argv[2]);
  if (argc > 4) secrets = async::tls_context::server({.identity = {argv[3], argv[4]}});
  const int door = async::tcp_listen(argc > 1 ? std::atoi(argv[1]) : 0);
  if (door < 0) async::fatal("can't listen: %s", std::strerror(errno));
  std::printf("listening on port %d\n", async::local_port(door));
  std::fflush(stdout);
  const async::acceptor accepting(door, async::wrap(&new_client));
  async::amain();
}
