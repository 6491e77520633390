// aios: a buffered stream over a socket, a pipe, a pair of fds, or TLS (stages 2 and 6).
//
//   struct client : async::refcount {
//     explicit client(int fd) : io(async::aios::make(fd)) {}
//     void next() { io->read_line(1000, async::wrap(mkref(this), &client::got)); }
//     void got(async::aios_read& line) {
//       if (!line) return;                       // end of file, error, ...: the client goes
//       io->format("you said: ");
//       io->write(line.text());
//       io->write("\n");                         // all three are sent together, when got returns
//       next();
//     }
//     const async::aios_t io;
//   };
//
// The same interface serves TLS: async/tls.h makes such streams.
//
// Reading. One read is outstanding at a time; its callback is called once, and there starts the
// next. It never runs inside the call that starts the read. Bytes that have come already, such as
// pipelined requests, are delivered without a system call, one callback after the other, without
// recursion. Nothing is read from the fd unless a read is outstanding that needs it, so a peer is
// held up while no read is, and what is buffered of its input is at most what the read may take
// plus 64 KiB.
//
// Writing appends to a queue. What one callback writes is sent in one system call when it returns
// (where it is not one of the stream's own: soon after), and what the peer does not take yet is
// sent when it does. The queue grows without limit: a writer that is faster than its peer looks at
// full(), and goes on when when_writable() calls it.
//
// Life. Handles are counted. An outstanding read and output that is not yet written each keep the
// stream alive; when neither is there and the last handle is dropped, the fds are closed. So a
// stream that is dropped is closed after what was written has been sent; close() gives the read up,
// too. The callback of a read that a user's object is bound to holds that object, as with fdcb.
//
// Colors. A stream belongs to one color, given when it is made; all its functions are called by
// that color's callbacks, or by anybody while nobody else knows the stream and nothing is
// outstanding. All its callbacks are called under that color: make them by wrap. Handles may be
// dropped anywhere.
//
// Cancellation (guarantee 7): after cancel_read(), close() or abort() the read's callback does not
// run any more; after abort() no callback of the stream does. They are destroyed by the call.
//
// Time limits are in the options, are off unless given, and cost a look at a coarse clock: they
// are met within some 10 % and 100 ms.
//
// After fork() the child may only leave its parent's streams alone.
//
// Thread-safety: as said under "Colors". No function blocks, but see aout().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <system_error>

#include "async/detail/deadline_wheel.h"
#include "mp/color.h"
#include "suio/suio.h"
#include "wrap/callback.h"
#include "wrap/refcnt.h"
#include "wrap/where.h"

namespace async {

namespace detail {
class transport;
struct aios_access;
}  // namespace detail
class aios;

using aios_t = ref<aios>;

// How a read ended.
enum class aios_status : std::uint8_t {
  done,       // the bytes that were asked for are here
  eof,        // the peer sends no more; the bytes are what was left, less than was asked for
  too_long,   // there are more bytes than the read's limit, without the end that was asked for
  timed_out,  // a time limit of the options has passed
  error,      // aios_read::error() says which; with TLS, an end that the peer did not say is one
};

// What a read brought; lives until the callback returns. What the callback has not taken is dropped
// then, if the status is done or eof; else the bytes stay, to be read again.
class aios_read {
 public:
  aios_status status() const noexcept { return status_; }
  explicit operator bool() const noexcept { return status_ == aios_status::done; }
  std::error_code error() const noexcept { return error_; }

  // How many bytes there are, less what was taken. The delimiter is none of them.
  std::size_t size() const noexcept { return size_; }
  // The bytes in one piece, valid until the callback returns or takes; copied only if they are not
  // in one piece yet.
  std::string_view text();
  // Moves the first `bytes` bytes, or all, to the end of `to`, without copying.
  void take(suio& to, std::size_t bytes = suio::all);

  aios_read(const aios_read&) = delete;  // it is passed on by what was taken
  aios_read& operator=(const aios_read&) = delete;

 private:
  friend class aios;
  aios_read(suio& in, aios_status status, std::error_code error, std::size_t size) noexcept
      : in_(in), error_(error), size_(size), status_(status) {}

  suio& in_;
  std::error_code error_;
  std::size_t size_;
  aios_status status_;
};

using aios_cb = callback<void, aios_read&>;
// Takes nothing (a false error) if it went well.
using written_cb = callback<void, std::error_code>;

// What streams share; does not change once a stream has it. Zero is no limit.
struct aios_options : refcount {
  using ms = std::chrono::milliseconds;

  // From the start of a read to its end, however many bytes trickle in. Only that read fails.
  ms read_limit{0};
  // Without any byte coming or going, while a read is outstanding. The stream fails.
  ms idle_limit{0};
  // Without the peer taking a byte, while some wait to be written. The stream fails.
  ms write_limit{0};
  // From the first use to the end of TLS's handshake. The stream fails.
  ms handshake_limit{0};
  // full() is true from `high` queued bytes on; when_writable() calls at `low` or less.
  std::size_t high = 256 * 1024;
  std::size_t low = 64 * 1024;
};

class aios final : public callback<void>, private detail::deadline_entry {
 public:
  using ref = aios_t;
  using ptr = async::ptr<aios>;

  // A stream over `fd`, a socket or such, which it owns and makes non-blocking. An fd that is no
  // good is the error of the first read. Throws std::bad_alloc; then fd is still the caller's.
  static aios_t make(int fd, async::ptr<const aios_options> options = nullptr,
                     color c = color::current(), async::where site = async::where::current());
  // One over two fds: reads from `in` and writes to `out`. Either may be -1: then there is no such
  // direction, and reading is the end of file, or what is written is dropped.
  static aios_t make_pair(int in, int out, async::ptr<const aios_options> options = nullptr,
                          color c = color::current(), async::where site = async::where::current());

  // --- Reading. A second read while one is outstanding aborts, naming its line. ---

  // A line, without its "\n" or "\r\n". too_long if it has more than `most` bytes. At the end of
  // the file a line without "\n" is `eof` with its bytes.
  void read_line(std::size_t most, aios_cb::ref cb, async::where site = async::where::current());
  // All up to `delimiter`, of 1 to 8 bytes, which is taken off. too_long if that is more than
  // `most` bytes.
  void read_until(std::string_view delimiter, std::size_t most, aios_cb::ref cb,
                  async::where site = async::where::current());
  // `bytes` bytes, of which 0 are there at once.
  void read_exactly(std::size_t bytes, aios_cb::ref cb,
                    async::where site = async::where::current());
  // Whatever is there, as soon as there is something: 1 to `most` bytes.
  void read_any(std::size_t most, aios_cb::ref cb, async::where site = async::where::current());
  // All until the end of the file, which is `done`; too_long if that is more than `most` bytes.
  void read_all(std::size_t most, aios_cb::ref cb, async::where site = async::where::current());

  // Gives the outstanding read up, if there is one; what has come stays.
  void cancel_read() noexcept;
  bool reading() const noexcept { return static_cast<bool>(reader_); }
  // The bytes that have come and were not read.
  std::size_t buffered() const noexcept { return in_ ? in_->resid() : 0; }

  // --- Writing. After a failure, close() or end_output() what is written is dropped. ---

  // Appends a copy.
  void write(std::string_view bytes);
  // Moves all of `bytes` here, its completion callbacks included; nothing is copied.
  void write(suio& bytes);
  void write(suio&& bytes) { write(bytes); }
  // Appends the bytes by reference, as suio::print does.
  void print(const void* data, std::size_t bytes, async::ptr<const refcount> owner = nullptr);
  // Appends what printf would print; false as suio::format.
  [[gnu::format(printf, 2, 3)]] bool format(const char* format, ...);

  // The bytes that the kernel has not taken yet.
  std::size_t queued() const noexcept;
  bool full() const noexcept { return queued() >= options_->high; }
  // Calls `cb` once, later, when at most options().low bytes are queued (which may be the case
  // now), or with the error when the stream fails. A new one replaces the old one.
  void when_writable(written_cb::ref cb);
  // Calls `cb` once, later, when the kernel has taken all that was written so far, and after
  // end_output() or close() also that this is the end; or with the error when the stream fails
  // before. Several are called in order. close() keeps them.
  void when_written(written_cb::ref cb);

  // --- Ending ---

  // No more will be written: the peer gets an end of file after what is queued. Reading goes on.
  void end_output();
  // Gives the read up, and closes the fds when what is queued has been written, or can't be.
  void close();
  // Closes the fds now, dropping what is queued and all callbacks. A TCP peer gets a reset.
  void abort() noexcept;

  // --- Looking ---

  // What the stream has failed with, if it has; its outstanding read and callbacks were told.
  std::error_code error() const noexcept;
  // -1 when there is none, or no more.
  int in_fd() const noexcept { return in_fd_; }
  int out_fd() const noexcept { return out_fd_; }
  const color& its_color() const noexcept { return color_; }
  const aios_options& options() const noexcept { return *options_; }
  // From now on; an outstanding read's time counts from its start, and so on, but if the stream
  // has had no time limits until now, all times count from now.
  void set_options(async::ref<const aios_options> options);

 private:
  friend struct detail::aios_access;
  friend aios_t ain();
  friend aios_t aout();
  struct output;
  enum class want : std::uint8_t { line, until, exactly, any, all };

  aios(int in, int out, detail::transport& over, async::ptr<const aios_options> options, color c,
       async::where site);
  ~aios() override;
  void finalize() override;

  // The fd can be read: the stream is its own callback.
  void operator()() override;
  const void* color_tag() const noexcept override { return color_.state(); }

  // Reading: aios_input.cc.
  void start_read(want what, std::size_t limit, aios_cb::ref&& cb, async::where site);
  void fill();
  bool serve();
  bool serve_delimited();
  bool find_delimiter(std::size_t& at);
  void deliver(aios_status status, std::size_t bytes, std::size_t skip = 0);

  // Writing: aios_output.cc.
  output* open_output();
  void was_written();
  bool output_pending() const noexcept;
  void writable();
  void flush();
  void call_written();
  void end_of_output();
  void fail_output(std::error_code error);
  void drop_output() noexcept;
  void return_output() noexcept;

  // Both: aios.cc.
  void run();
  void run_later();
  struct posted_run;
  struct posted_look;
  void settle();
  void watch_reading(bool wanted);
  void watch_writing(bool wanted);
  void watch_time();
  void look_at_time();
  bool next_deadline(std::uint32_t& at) const noexcept;
  void note_time(std::uint32_t& stamp) const noexcept;
  void fail(std::error_code error);
  void close_fds(bool politely) noexcept;

  // All is the color's. Ordered so that nothing is lost to padding: streams may be many.
  const color color_;
  async::ref<const aios_options> options_;
  detail::transport* const over_;
  std::unique_ptr<suio> in_;     // what has come; null if that is nothing, between callbacks
  std::unique_ptr<output> out_;  // null if nothing is queued and nobody waits
  aios_cb::ptr reader_;          // the outstanding read's callback
  std::uint32_t limit_ = 0;      // of the outstanding read
  std::uint32_t scanned_ = 0;    // the delimiter does not end in so many bytes of in_
  char delimiter_[8];
  int in_fd_;
  int out_fd_;
  // Of detail::packed_error().
  std::int32_t error_ = 0;         // of the stream: its reads fail
  std::int32_t output_error_ = 0;  // of output only
  // Of detail::deadlines::stamp().
  std::uint32_t begun_ = 0;
  std::uint32_t read_since_ = 0;
  std::uint32_t active_since_ = 0;
  std::uint32_t write_since_ = 0;
  std::uint32_t deadline_ = 0;  // when we look, if timed_

  std::uint8_t delimiter_size_ = 0;
  want want_ = want::any;
  bool running_ : 1 = false;  // run() is on the stack
  bool run_posted_ : 1 = false;
  bool unserved_ : 1 = false;   // a read has started since serve()
  bool unflushed_ : 1 = false;  // something was written since flush()
  bool watches_reading_ : 1 = false;
  bool watches_writing_ : 1 = false;
  bool timed_ : 1 = false;  // a look at the deadlines is to come
  bool eof_ : 1 = false;    // the peer sends no more
  bool read_timed_out_ : 1 = false;
  bool output_ends_ : 1 = false;   // after what is queued
  bool output_ended_ : 1 = false;  // and the peer has been told, or can't be
  bool closing_ : 1 = false;
  bool owned_ : 1 = true;       // the fds are
  bool cautious_ : 1 = false;   // out_fd_ may block
  bool may_write_ : 1 = false;  // though it may: it won't now
};

// Standard input and output as streams of the default color; each is made by its first call, and
// its fd is not closed. The fds' modes are left as they are, since other processes may share them:
// reading takes what is there, and writing goes in small pieces, when it does not block.
aios_t ain();
aios_t aout();

}  // namespace async
