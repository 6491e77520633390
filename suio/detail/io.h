// The loops of suio::output and suio::input over any writev and readv, so that a test can put a
// kernel of its own under them that writes short, fails or interrupts at every place.
//
// Serves stage 6 (output). Thread-safety: that of the suio.
//
// Invariants: the bytes removed are exactly those that writev returned, and those appended exactly
// those that readv returned, also on errors.
#pragma once

#include <limits.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "suio/detail/watch.h"
#include "suio/suio.h"

namespace async::detail {

struct io_access {
  // `writev(const iovec*, int)` returns what writev(2) would, with errno set.
  template <class Writev>
  static io_result output(suio& from, std::size_t max, Writev&& writev) {
    io_result result;
    suio::watch alive(from);
    while (std::size_t left = std::min(max - result.bytes, from.resid())) {
      ssize_t written = write_chunk(from, left, writev);
      if (written <= 0) {
        fail(result, written);
        break;
      }
      result.bytes += static_cast<std::size_t>(written);
      if (!from.discard(static_cast<std::size_t>(written), alive)) return result;
    }
    if (result.bytes != 0) from.run_due(alive);
    return result;
  }

  // `readv(const iovec*, int)` returns what readv(2) would, with errno set.
  template <class Readv>
  static io_result input(suio& to, std::size_t max, Readv&& readv) {
    io_result result;
    if (max == 0) return result;
    // The free space that is there, and a fresh block behind it if that is less than half of what
    // a read may bring.
    iovec space[2] = {{to.free_, std::min(to.free_size(), max)}, {nullptr, 0}};
    const std::size_t wanted = std::min<std::size_t>(max, to.read_size_);
    ptr<block> fresh;
    std::size_t fresh_size = 0;
    if (space[0].iov_len < wanted && to.free_size() < to.read_size_ / 2) {
      fresh_size = std::max(wanted, block::small_payload);
      fresh = block::make(fresh_size);
      space[1] = {fresh->data(), std::min(fresh_size, max - space[0].iov_len)};
    }
    const bool has_rest = space[0].iov_len != 0;
    ssize_t got = interruptible(
        [&] { return readv(has_rest ? space : space + 1, fresh && has_rest ? 2 : 1); });
    if (got <= 0) {
      fail(result, got);
      if (got == 0) result.status = io_status::eof;
      return result;
    }
    result.bytes = static_cast<std::size_t>(got);
    adapt(to, result.bytes, space[0].iov_len + space[1].iov_len, max);

    const std::size_t first = std::min(result.bytes, space[0].iov_len);
    if (first != 0) to.commit(first);
    if (result.bytes > first) {
      to.own_free_space(std::move(fresh), fresh_size);
      to.commit(result.bytes - first);
    }
    return result;
  }

 private:
  template <class Call>
  static ssize_t interruptible(Call&& call) {
    ssize_t n;
    do n = call();
    while (n < 0 && errno == EINTR);
    return n;
  }

  // Offers the first ranges, IOV_MAX at most, with `left` bytes at most.
  template <class Writev>
  static ssize_t write_chunk(suio& from, std::size_t left, Writev&& writev) {
    iovec* const ranges = from.ranges_.data();
    const std::size_t limit = std::min<std::size_t>(from.ranges_.size(), IOV_MAX);
    if (left == from.resid())
      return interruptible([&] { return writev(ranges, static_cast<int>(limit)); });

    std::size_t count = 0;
    std::size_t offered = 0;
    while (count < limit && offered < left) offered += ranges[count++].iov_len;
    const std::size_t too_many = offered > left ? offered - left : 0;
    ranges[count - 1].iov_len -= too_many;
    ssize_t n = interruptible([&] { return writev(ranges, static_cast<int>(count)); });
    ranges[count - 1].iov_len += too_many;
    return n;
  }

  // Nothing written is not an error and not progress either: like EAGAIN.
  static void fail(io_result& result, ssize_t returned) {
    if (returned == 0 || errno == EAGAIN || errno == EWOULDBLOCK) {
      result.status = io_status::would_block;
    } else {
      result.status = io_status::error;
      result.error = std::error_code(errno, std::generic_category());
    }
  }

  // Offers twice as much after a read that took all that it was offered, half after one that took
  // less than a quarter.
  static void adapt(suio& to, std::size_t got, std::size_t offered, std::size_t max) {
    const std::size_t size = to.read_size_;
    if (got == offered && offered < max) {
      to.read_size_ = static_cast<std::uint32_t>(std::min(2 * size, block::max_payload));
    } else if (got < size / 4) {
      to.read_size_ = static_cast<std::uint32_t>(std::max(size / 2, block::payload));
    }
  }
};

}  // namespace async::detail
