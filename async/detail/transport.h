// What is between a stream's buffers and its fds: nothing (here), or TLS (tls_transport.h).
// Serves stage 6.
//
// Thread-safety: the stream's color, but for the destructor.
#pragma once

#include <cstddef>
#include <system_error>

#include "suio/suio.h"

namespace async::detail {

// Of one stream; but plain fds need none of their own, and share plain_transport().
class transport {
 public:
  transport() = default;
  transport(const transport&) = delete;
  transport& operator=(const transport&) = delete;

  // Appends what has come, 64 KiB or so at most; after that, what is still to come makes the fd
  // readable. would_block, eof and error as suio::input, but eof and error may come with bytes.
  virtual io_result read(int fd, suio& to, std::size_t most) = 0;

  // Writes `from`, and what else has to be written first, as far as the fd takes it; as
  // suio::output, where `done` says that nothing at all is left, and would_block that either
  // reading goes on first (waits_for_peer()) or the fd is to be writable.
  virtual io_result write(int fd, suio& from, std::size_t most) = 0;

  // When all is written: tells the peer that this is the end, by a protocol of our own, and unless
  // the fd is about to be `closed`, by the kernel's. would_block: again when writable.
  virtual io_result end(int fd, bool closed) = 0;

  // The stream is closed; nothing can be waited for any more.
  virtual void close(int fd) noexcept = 0;

  // Whether bytes of the peer are needed before anything can be written.
  virtual bool waits_for_peer() const noexcept { return false; }
  // Whether there is something to be written that no write() has asked for.
  virtual bool has_output() const noexcept { return false; }
  // Whether data can't flow yet.
  virtual bool in_handshake() const noexcept { return false; }

  // The stream is gone.
  virtual void release() noexcept = 0;

 protected:
  virtual ~transport() = default;
};

transport& plain_transport() noexcept;

}  // namespace async::detail
