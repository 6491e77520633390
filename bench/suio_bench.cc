// The suio group of the benchmarks: stage 6, output (and input), against the bare system calls, and
// copying small pieces against std::string. bench/README.md says how to run and read them.
//
// The fds are the two ends of a TCP connection over the loopback. The benchmark's one thread writes
// and then discards what was written (or sends what will be read); only its own side is timed. So
// no other thread disturbs the figures, and whatever suio adds shows in full.

#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/support/measure.h"
#include "suio/suio.h"
#include "wrap/refcnt.h"

namespace {

constexpr std::size_t piece = 8192;
constexpr std::size_t pieces = 8;
constexpr std::size_t written = piece * pieces;

void check(bool fine, const char* what) {
  if (fine) return;
  std::perror(what);
  std::exit(1);
}

// A connected pair of TCP sockets with room for several writes.
struct connection {
  int near;
  int far;

  connection() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    const int size = 1 << 20;
    ::setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    check(::bind(listener, generic, length) == 0 && ::listen(listener, 1) == 0, "listen");
    ::getsockname(listener, generic, &length);
    near = ::socket(AF_INET, SOCK_STREAM, 0);
    ::setsockopt(near, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    const int yes = 1;
    ::setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    check(::connect(near, generic, length) == 0, "connect");
    far = ::accept(listener, nullptr, nullptr);
    ::close(listener);
  }
  ~connection() {
    ::close(near);
    ::close(far);
  }

  // Reads `bytes` bytes at the far end without looking at them.
  void discard(std::size_t bytes) {
    while (bytes != 0) {
      const ssize_t n = ::recv(far, nullptr, bytes, MSG_TRUNC);
      check(n > 0, "recv");
      bytes -= static_cast<std::size_t>(n);
    }
  }
};

// What is sent: like a server's cache of pages.
struct page : async::refcount {
  std::array<char, piece> bytes{};
};
std::vector<async::ref<page>> make_pages() {
  std::vector<async::ref<page>> made;
  for (std::size_t i = 0; i < pieces; ++i) made.push_back(async::make_ref<page>());
  return made;
}

void write_all(int fd, const iovec* ranges, int count, std::size_t bytes) {
  const ssize_t n = ::writev(fd, ranges, count);
  check(n == static_cast<ssize_t>(bytes), "writev");
}

// Times `timed` alone; `before` and `after` run around it.
template <class Before, class Timed, class After>
void measure_side(benchmark::State& state, Before before, Timed timed, After after) {
  bench::measure_self_timed(state, 1, [&](std::size_t n) {
    double ns = 0;
    const double cpu_before = bench::process_cpu_ns();
    for (std::size_t i = 0; i < n; ++i) {
      before();
      const auto start = bench::clock::now();
      timed();
      ns += bench::ns_since(start);
      after();
    }
    return bench::timing{ns * 1e-9, bench::process_cpu_ns() - cpu_before};
  });
}
constexpr auto nothing = [] {};

void write_ours(benchmark::State& state) {
  connection c;
  const auto pages = make_pages();
  async::suio out;
  measure_side(
      state, nothing,
      [&] {
        for (const auto& p : pages) out.print(p->bytes.data(), piece, p);
        check(out.output(c.near).bytes == written, "output");
      },
      [&] { c.discard(written); });
}

void write_bare(benchmark::State& state) {
  connection c;
  const auto pages = make_pages();
  measure_side(
      state, nothing,
      [&] {
        iovec ranges[pieces];
        for (std::size_t i = 0; i < pieces; ++i) ranges[i] = {pages[i]->bytes.data(), piece};
        write_all(c.near, ranges, pieces, written);
      },
      [&] { c.discard(written); });
}

// A server's answer: a formatted header and a page, built apart and queued on the connection.
void reply_ours(benchmark::State& state) {
  connection c;
  const auto pages = make_pages();
  async::suio out;
  std::size_t sent = 0;
  measure_side(
      state, nothing,
      [&] {
        async::suio reply;
        reply.format("status: %d\r\nlength: %zu\r\n\r\n", 200, piece);
        reply.print(pages[0]->bytes.data(), piece, pages[0]);
        out.take(reply);
        sent = out.output(c.near).bytes;
      },
      [&] { c.discard(sent); });
}

void reply_bare(benchmark::State& state) {
  connection c;
  const auto pages = make_pages();
  std::size_t sent = 0;
  measure_side(
      state, nothing,
      [&] {
        char header[100];
        const int length =
            std::snprintf(header, sizeof header, "status: %d\r\nlength: %zu\r\n\r\n", 200, piece);
        const iovec ranges[] = {{header, static_cast<std::size_t>(length)},
                                {pages[0]->bytes.data(), piece}};
        sent = static_cast<std::size_t>(length) + piece;
        write_all(c.near, ranges, 2, sent);
      },
      [&] { c.discard(sent); });
}

// What was read is dropped at once.
void read_ours(benchmark::State& state) {
  connection c;
  const std::string bytes(written, 'x');
  async::suio in;
  measure_side(
      state, [&] { check(::write(c.near, bytes.data(), written) == written, "write"); },
      [&] {
        for (std::size_t left = written; left != 0;) {
          const async::io_result r = in.input(c.far);
          check(r.status == async::io_status::done, "input");
          left -= r.bytes;
        }
        in.rembytes(written);
      },
      nothing);
}

void read_bare(benchmark::State& state) {
  connection c;
  const std::string bytes(written, 'x');
  std::string buffer(written, '\0');
  measure_side(
      state, [&] { check(::write(c.near, bytes.data(), written) == written, "write"); },
      [&] {
        for (std::size_t left = written; left != 0;) {
          const iovec range{buffer.data(), left};
          const ssize_t n = ::readv(c.far, &range, 1);
          check(n > 0, "readv");
          left -= static_cast<std::size_t>(n);
        }
      },
      nothing);
}

// 64 KB in pieces of 64 bytes, into an empty buffer each time; ns for each piece.
constexpr std::size_t small = 64;
constexpr std::size_t small_pieces = 1024;
const std::string small_piece(small, 'x');

void copy_ours(benchmark::State& state) {
  bench::measure(state, small_pieces, [](std::size_t n) {
    async::suio s;
    for (; n != 0; n -= small_pieces) {
      for (std::size_t i = 0; i < small_pieces; ++i) s.copy(small_piece);
      benchmark::DoNotOptimize(s.iov().data());
      s.clear();
    }
  });
}

void copy_string(benchmark::State& state) {
  bench::measure(state, small_pieces, [](std::size_t n) {
    for (; n != 0; n -= small_pieces) {
      std::string s;
      for (std::size_t i = 0; i < small_pieces; ++i) s.append(small_piece);
      benchmark::DoNotOptimize(s.data());
    }
  });
}

// A range by reference in and out again; ns for each.
void print_ours(benchmark::State& state) {
  const auto pages = make_pages();
  bench::measure(state, pieces, [&](std::size_t n) {
    async::suio s;
    for (; n != 0; n -= pieces) {
      for (const auto& p : pages) s.print(p->bytes.data(), piece, p);
      s.rembytes(written);
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  bench::add("suio/write_64k", "ours", write_ours);
  bench::add("suio/write_64k", "peer:writev", write_bare);
  bench::add("suio/reply_8k", "ours", reply_ours);
  bench::add("suio/reply_8k", "peer:writev", reply_bare);
  bench::add("suio/read_64k", "ours", read_ours);
  bench::add("suio/read_64k", "peer:readv", read_bare);
  bench::add("suio/copy_64_bytes", "ours", copy_ours);
  bench::add("suio/copy_64_bytes", "peer:std::string", copy_string);
  bench::add("suio/print_and_remove", "ours", print_ours);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
