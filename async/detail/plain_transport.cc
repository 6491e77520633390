// Streams over plain fds: see transport.h. Serves stage 6.
#include <sys/socket.h>

#include <cerrno>

#include "async/detail/transport.h"

namespace async::detail {

namespace {

class plain final : public transport {
 public:
  io_result read(int fd, suio& to, std::size_t most) override { return to.input(fd, most); }
  io_result write(int fd, suio& from, std::size_t most) override { return from.output(fd, most); }
  // A pipe can't be shut down: its end is its close.
  io_result end(int fd, bool closed) override {
    io_result result;
    if (!closed && shutdown(fd, SHUT_WR) != 0 && errno != ENOTSOCK && errno != ENOTCONN) {
      result.status = io_status::error;
      result.error = {errno, std::generic_category()};
    }
    return result;
  }
  void close(int) noexcept override {}
  void release() noexcept override {}
};

}  // namespace

transport& plain_transport() noexcept {
  static plain shared;
  return shared;
}

}  // namespace async::detail
