// Tells each client the hash of all that it has sent.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "async/async.h"

struct client : async::refcount {  // lives as long as a callback holds it
  explicit client(int socket) : fd(socket) {}
  ~client() override { close(fd); }

  void readable() {  // under the client's own color: beside other clients, without locks
    const async::io_status status = data.input(fd).status;
    const char* const bytes = data.pullup(data.resid());
    for (std::size_t i = 0; i < data.resid(); ++i) hash = hash * 31 + bytes[i];
    data.rembytes(data.resid());
    if (status == async::io_status::done || status == async::io_status::would_block) return;
    data.format("%08x\n", hash);
    data.output(fd);
    async::fdcb(fd, async::selread, nullptr);  // the client goes, and closes
  }

  const int fd;
  async::suio data;
  unsigned hash = 0;
};

void new_client(int fd) {
  if (fd < 0) async::fatal("can't accept: %s", std::strerror(errno));
  const auto c = async::make_ref<client>(fd);
  const auto own = async::color::fresh();
  async::fdcb(fd, async::selread, async::cwrap(own, c, &client::readable));
}

int main(int argc, char** argv) {
  const int door = async::tcp_listen(argc > 1 ? std::atoi(argv[1]) : 7007);
  const async::acceptor accepting(door, async::wrap(&new_client));
  if (!accepting) async::fatal("can't listen: %s", std::strerror(errno));
  async::warn("listening on port %d", async::local_port(door));
  async::amain();
}
