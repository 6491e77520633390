// Teaches: buffered output without copying, by suio.
//
// A suio is a queue of bytes. What is printed into it by reference is not copied, but kept alive
// until it has been written: here, one page that is sent to all clients. output() writes as much as
// the fd takes now, and leaves the rest in the queue for when the fd is writable again; iovcb()
// tells when everything up to there has been written.
//
// Run:     build/release/examples/05_page [PORT [CLIENTS]]
//          then, elsewhere: cat </dev/tcp/localhost/PORT | wc -c
// Prints:  listening on port PORT
//          page sent            (for each client that has taken all of it)
// Ends when so many clients have gone; without CLIENTS it does not end.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "async/async.h"

namespace {

using shared_page = async::ref<const std::string>;

int clients_left = -1;  // unlimited

struct client : async::refcount {
  explicit client(int socket) : fd(socket) {}
  ~client() override {
    close(fd);
    if (--clients_left == 0) async::stop();
  }

  void send(const shared_page& page) {
    out.format("a page of %zu bytes\n", page->size());
    out.print(page->data(), page->size(), page);  // `page` is who owns those bytes
    out.iovcb(async::wrap([] { std::printf("page sent\n"); }));
    async::fdcb(fd, async::selwrite, async::wrap(mkref(this), &client::writable));
  }

  void writable() {
    const async::io_result wrote = out.output(fd);
    if (wrote.status == async::io_status::would_block) return;
    if (wrote.status == async::io_status::error) {
      std::printf("client gone: %s\n", wrote.error.message().c_str());
    }
    async::fdcb(fd, async::selwrite, nullptr);
  }

  const int fd;
  async::suio out;
};

void new_client(const shared_page& page, int fd) {
  if (fd < 0) async::fatal("can't accept: %s", std::strerror(errno));
  async::make_ref<client>(fd)->send(page);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2) clients_left = std::atoi(argv[2]);
  const int door = async::tcp_listen(argc > 1 ? std::atoi(argv[1]) : 0);
  if (door < 0) async::fatal("can't listen: %s", std::strerror(errno));
  std::printf("listening on port %d\n", async::local_port(door));
  std::fflush(stdout);

  const auto page = async::make_ref<std::string>(10'000'000, '.');
  const async::acceptor accepting(door, async::wrap(&new_client, shared_page(page)));
  async::amain();
}
