// Teaches: sockets, fdcb(), and who keeps a connection alive.
//
// fdcb() has a callback called whenever an fd can be read (or written), until it is cleared. Nobody
// holds a connection but its registered callback: clearing that drops the last handle, and the
// connection closes itself. While a client takes no answers, nothing more is read from it.
//
// Run:     build/release/examples/04_echo [PORT [CLIENTS]]
//          then, elsewhere: nc localhost PORT
// Prints:  listening on port PORT
// Ends when so many clients have gone; without CLIENTS it does not end.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "async/async.h"

namespace {

int clients_left = -1;  // unlimited

struct client : async::refcount {
  explicit client(int socket) : fd(socket) {}
  ~client() override {
    close(fd);
    if (--clients_left == 0) async::stop();
  }

  void read_on() { async::fdcb(fd, async::selread, async::wrap(mkref(this), &client::readable)); }

  void readable() {
    char buffer[4096];
    const ssize_t bytes = read(fd, buffer, sizeof buffer);
    if (bytes < 0 && errno == EAGAIN) return;
    if (bytes <= 0) {  // the client has closed, or is gone
      async::fdcb(fd, async::selread, nullptr);
      return;
    }
    rest.assign(buffer, static_cast<std::size_t>(bytes));
    if (write_rest()) return;
    async::fdcb(fd, async::selread, nullptr);
    async::fdcb(fd, async::selwrite, async::wrap(mkref(this), &client::writable));
  }

  void writable() {
    if (!write_rest()) return;
    async::fdcb(fd, async::selwrite, nullptr);
    read_on();
  }

  bool write_rest() {  // whether nothing is left
    const ssize_t bytes = write(fd, rest.data(), rest.size());
    if (bytes >= 0) rest.erase(0, static_cast<std::size_t>(bytes));
    if (bytes < 0 && errno != EAGAIN) rest.clear();  // the next read will tell
    return rest.empty();
  }

  const int fd;
  std::string rest;
};

void new_client(int fd) {
  if (fd < 0) async::fatal("can't accept: %s", std::strerror(errno));
  async::make_ref<client>(fd)->read_on();
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
