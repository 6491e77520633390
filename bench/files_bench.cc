// The files group of the benchmarks: reading blocks of a file by file_read(), against plain
// pread(), which holds up its thread. bench/README.md says how to run and read them.
//
// The file is read in blocks at random offsets, `depth` at a time. Cached: all of it is in memory.
// Cold: before each round the kernel is asked to forget it (POSIX_FADV_DONTNEED), so that the disk
// has to be asked; what a virtual machine's host remembers of it can't be told. Both engines of
// file.h are measured, where there is an io_uring.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "async/async.h"
#include "async/detail/file_operation.h"
#include "bench/support/measure.h"

namespace {

constexpr std::size_t block = 16384;
constexpr std::size_t blocks = 4096;  // 64 MiB
constexpr std::size_t round = 512;

void check(bool fine, const char* what) {
  if (fine) return;
  std::perror(what);
  std::exit(1);
}

// The file, in the current directory and already without a name.
int file() {
  static const int fd = [] {
    char name[] = "build/files-bench-XXXXXX";
    const int made = mkostemp(name, O_CLOEXEC);
    check(made >= 0, name);
    unlink(name);
    const std::string bytes(block, 'x');
    for (std::size_t i = 0; i < blocks; ++i) {
      check(write(made, bytes.data(), block) == static_cast<ssize_t>(block), "write");
    }
    fsync(made);
    return made;
  }();
  return fd;
}

std::vector<std::uint64_t> offsets(std::size_t n) {
  static std::mt19937_64 random(1);
  std::vector<std::uint64_t> made(n);
  for (auto& o : made) o = random() % blocks * block;
  return made;
}

void begin_round(bool cold) {
  if (cold) posix_fadvise(file(), 0, 0, POSIX_FADV_DONTNEED);
}

void read_plainly(benchmark::State& state, bool cold) {
  std::vector<char> to(block);
  bench::measure(state, round, [&](std::size_t n) {
    for (; n != 0; n -= round) {
      begin_round(cold);
      for (const std::uint64_t o : offsets(round)) {
        check(pread(file(), to.data(), block, static_cast<off_t>(o)) > 0, "pread");
      }
    }
  });
}

// `depth` reads under way, each of which starts the next.
struct reader {
  std::vector<std::uint64_t> where = offsets(round);
  std::size_t next = 0, ended = 0;

  void start(char* to) {
    const std::uint64_t o = where[next++];
    check(!async::file_read(file(), o, to, block, async::wrap(this, &reader::done, to)), "refused");
  }
  void done(char* to, async::io_result r) {
    check(r.bytes == block, "file_read");
    if (next < round) start(to);
    if (++ended == round) async::stop();
  }
};

void read_ours(benchmark::State& state, bool cold, std::size_t depth,
               async::detail::file_engine_kind kind) {
  if (!async::detail::use_file_engine(kind)) return state.SkipWithError("there is no io_uring");
  std::vector<char> to(block * depth);
  bench::measure(state, round, [&](std::size_t n) {
    for (; n != 0; n -= round) {
      begin_round(cold);
      reader r;
      for (std::size_t i = 0; i < depth; ++i) r.start(&to[i * block]);
      async::amain({.cpus = 1});
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  using async::detail::file_engine_kind;
  for (const bool cold : {false, true}) {
    for (const std::size_t depth : {1, 32}) {
      for (const auto kind : {file_engine_kind::uring, file_engine_kind::pool}) {
        const std::string name = std::string("files/") + (cold ? "cold_16k" : "cached_16k") +
                                 (kind == file_engine_kind::uring ? "_uring" : "_pool") +
                                 "/depth:" + std::to_string(depth);
        bench::add(name, "ours", [=](benchmark::State& s) { read_ours(s, cold, depth, kind); });
        bench::add(name, "peer:pread", [=](benchmark::State& s) { read_plainly(s, cold); });
      }
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
