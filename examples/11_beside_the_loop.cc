// Teaches: what would block, done beside the loop: files, programs, and work of one's own.
//
// A callback must not wait. So here a file is read by file_open() and file_read(), a program runs
// as a child with pipes, and a sum that takes its time is made by blocking() on a thread. Each
// calls back when it is done; the loop is free for others meanwhile.
//
// Run:     build/release/examples/11_beside_the_loop
// Prints:  the file begins with: Name:
//          tr says: HELLO
//          the child has exited with status 0
//          the sum of the squares is 333333833333500000
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "async/async.h"

namespace {

void check(const std::error_code& refused) {  // too much is under way already, say
  if (refused) async::fatal("%s", refused.message().c_str());
}

// On a thread of its own: it may touch nothing that callbacks use.
std::string sum_of_squares() {
  unsigned long sum = 0;
  for (unsigned long i = 1; i <= 1'000'000; ++i) sum += i * i;
  return std::to_string(sum);
}

struct lesson : async::refcount {
  void opened(int file) {
    if (file < 0) async::fatal("no /proc: %s", std::strerror(errno));
    fd = file;
    check(async::file_read(fd, 0, 4096, bytes, async::wrap(mkref(this), &lesson::read)));
  }
  void read(async::io_result) {
    close(fd);
    std::printf("the file begins with: %.5s\n", bytes.pullup(5));
    bytes.clear();
    bytes.copy("hello\n");
    constexpr auto pipe = async::child_fd::pipe;
    child = async::spawn({.program = "tr", .arguments = {"a-z", "A-Z"}, .in = pipe, .out = pipe});
    if (!child) async::fatal("tr: %s", std::strerror(errno));
    bytes.output(child.in);  // a pipe takes as little as this at once
    close(child.in);
    async::fdcb(child.out, async::selread, async::wrap(mkref(this), &lesson::readable));
  }
  void readable() {
    if (bytes.input(child.out).status != async::io_status::eof) return;
    async::fdcb(child.out, async::selread, nullptr);
    close(child.out);
    std::printf("tr says: %.6s", bytes.pullup(6));
    check(async::chldcb(child.pid, async::wrap(mkref(this), &lesson::ended)));
  }
  void ended(int status) {
    std::printf("the child has exited with status %d\n", WEXITSTATUS(status));
    check(async::blocking(&sum_of_squares, async::wrap(mkref(this), &lesson::added)));
  }
  void added(std::string sum) {
    std::printf("the sum of the squares is %s\n", sum.c_str());
    async::stop();
  }
  int fd = -1;
  async::suio bytes;
  async::spawned child;
};
}  // namespace

int main(int, char** argv) {
  async::setprogname(argv[0]);
  const auto one = async::make_ref<lesson>();
  check(async::file_open("/proc/self/status", O_RDONLY, 0, async::wrap(one, &lesson::opened)));
  async::amain();
}
