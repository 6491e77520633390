// A kernel for suio's I/O loops that a test can direct: it writes and reads short at random places,
// interrupts, would block, and fails, and remembers what it took.
//
// Serves stage 6 (output). Not thread-safe.
#pragma once

#include <limits.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <string>

#include "suio/detail/io.h"
#include "suio/suio.h"
#include "tests/suio/helpers.h"

namespace async::test {

class fake_kernel {
 public:
  explicit fake_kernel(std::mt19937_64& random) : random_(random) {}

  // How often, in 100 calls, each of these happens; otherwise bytes are transferred.
  unsigned interrupts = 0;
  unsigned would_blocks = 0;
  unsigned errors = 0;
  unsigned short_transfers = 50;
  std::size_t most = suio::all;  // bytes in one transfer
  std::string taken;             // by output, in order
  std::string to_give;           // to input; at its end: eof
  std::size_t calls = 0;
  int last_error = 0;  // of the last call, or 0

  io_result output(suio& s, std::size_t max = suio::all) {
    return detail::io_access::output(
        s, max, [this](iovec* ranges, int count) { return writev(ranges, count); });
  }
  io_result input(suio& s, std::size_t max = suio::all) {
    return detail::io_access::input(
        s, max, [this](const iovec* ranges, int count) { return readv(ranges, count); });
  }

 private:
  ssize_t writev(const iovec* ranges, int count) {
    std::size_t n = how_many(ranges, count);
    const ssize_t result = static_cast<ssize_t>(n);
    if (last_error != 0) return fail();
    for (; n != 0; ++ranges) {
      const std::size_t part = std::min(n, ranges->iov_len);
      taken.append(static_cast<const char*>(ranges->iov_base), part);
      n -= part;
    }
    return result;
  }

  ssize_t readv(const iovec* ranges, int count) {
    std::size_t n = std::min(how_many(ranges, count), to_give.size());
    if (last_error != 0) return fail();
    const ssize_t result = static_cast<ssize_t>(n);
    std::size_t given = 0;
    for (; given < n; ++ranges) {
      const std::size_t part = std::min(n - given, ranges->iov_len);
      std::memcpy(ranges->iov_base, to_give.data() + given, part);
      given += part;
    }
    to_give.erase(0, given);
    return result;
  }

  ssize_t fail() {
    errno = last_error;
    return -1;
  }

  std::size_t how_many(const iovec* ranges, int count) {
    ++calls;
    EXPECT_GT(count, 0);
    EXPECT_LE(count, IOV_MAX);
    std::size_t offered = 0;
    for (int i = 0; i < count; ++i) offered += ranges[i].iov_len;
    EXPECT_GT(offered, 0u);
    last_error = choose_error();
    offered = std::min(offered, most);
    return percent() < short_transfers ? 1 + random_() % offered : offered;
  }

  int choose_error() {
    if (percent() < interrupts) return EINTR;
    if (percent() < would_blocks) return EAGAIN;
    if (percent() < errors) return EIO;
    return 0;
  }
  unsigned percent() { return static_cast<unsigned>(random_() % 100); }

  std::mt19937_64& random_;
};

}  // namespace async::test
