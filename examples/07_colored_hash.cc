// Teaches: colors, given to the one callback that is worth it.
//
// So far all callbacks had the default color and ran one after the other, however many CPUs there
// are. Callbacks of one color never overlap and run in order; those of different colors run at the
// same time. Here only crunch() has another color, the client's own. What clients share is used
// under the default color only, and needs no lock; a client's buffers are used under both colors,
// but handed over: while crunch() is on its way, nothing else of that client is.
//
// Run:     build/release/examples/07_colored_hash [PORT [CLIENTS]]
//          and then build/release/examples/06_client localhost PORT TEXT
// Prints:  listening on port PORT
// Ends when so many clients have gone; without CLIENTS it does not end.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "async/async.h"

namespace {

int clients_left = -1;  // unlimited; shared

struct client : async::refcount {
  explicit client(int socket) : fd(socket) {}
  ~client() override { close(fd); }

  void readable() {
    const async::io_status status = in.input(fd).status;
    if (status == async::io_status::would_block) return;
    async::fdcb(fd, async::selread, nullptr);
    if (status == async::io_status::done) {
      async::cpucb(async::cwrap(own, mkref(this), &client::crunch));
    } else if (--clients_left == 0) {
      async::stop();
    }
  }

  void crunch() {  // answers each line with a hash that takes some work
    std::string_view text(in.pullup(in.resid()), in.resid());
    for (std::size_t end; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1)) {
      std::uint64_t hash = 0;
      for (std::size_t i = 0; i < 10'000 * end; ++i) hash = hash * 31 + (text[i % end] & 0xff);
      out.format("%016lx\n", hash);
    }
    in.rembytes(in.resid() - text.size());
    async::cpucb(async::wrap(mkref(this), &client::go_on));
  }

  void go_on() {  // back under the default color: writes the answers, then reads again
    async::fdcb(fd, async::selwrite, nullptr);
    const bool blocked = out.output(fd).status == async::io_status::would_block;
    const auto next = blocked ? &client::go_on : &client::readable;
    async::fdcb(fd, blocked ? async::selwrite : async::selread, async::wrap(mkref(this), next));
  }

  const int fd;
  const async::color own = async::color::fresh();
  async::suio in, out;
};

void new_client(int fd) {
  if (fd < 0) async::fatal("can't accept: %s", std::strerror(errno));
  async::make_ref<client>(fd)->go_on();
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
