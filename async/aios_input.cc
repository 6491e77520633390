// Streams: reading; see aios.h. Serves stages 5 and 6.
//
// fill() takes in what has come, and serve() looks whether that is what the outstanding read asked
// for. A delimiter is looked for only in what was not looked at before, so that a peer that sends
// byte by byte costs no more than it sends.
#include <algorithm>
#include <cstring>
#include <utility>

#include "async/aios.h"
#include "async/detail/aios_output.h"
#include "async/detail/deadlines.h"
#include "async/detail/packed_error.h"
#include "async/detail/spare.h"
#include "async/detail/transport.h"
#include "wrap/detail/misuse.h"

namespace async {

namespace {

constexpr std::size_t most_bytes = 0xffff'0000;  // of one read, as a stream keeps the number

}  // namespace

// --- What a read brought ---

std::string_view aios_read::text() { return {in_.pullup(size_), size_}; }

void aios_read::take(suio& to, std::size_t bytes) {
  bytes = std::min(bytes, size_);
  to.take(in_, bytes);
  size_ -= bytes;
}

// --- Starting ---

void aios::read_line(std::size_t most, aios_cb::ref cb, async::where site) {
  delimiter_[0] = '\n';
  delimiter_size_ = 1;
  start_read(want::line, most, std::move(cb), site);
}

void aios::read_until(std::string_view delimiter, std::size_t most, aios_cb::ref cb,
                      async::where site) {
  if (delimiter.empty() || delimiter.size() > sizeof delimiter_) {
    detail::misuse(site, "aios::read_until: a delimiter has from 1 to 8 bytes");
  }
  std::memcpy(delimiter_, delimiter.data(), delimiter.size());
  delimiter_size_ = static_cast<std::uint8_t>(delimiter.size());
  start_read(want::until, most, std::move(cb), site);
}

void aios::read_exactly(std::size_t bytes, aios_cb::ref cb, async::where site) {
  if (bytes > most_bytes) detail::misuse(site, "aios::read_exactly: more than 4 GB");
  start_read(want::exactly, bytes, std::move(cb), site);
}

void aios::read_any(std::size_t most, aios_cb::ref cb, async::where site) {
  if (most == 0) detail::misuse(site, "aios::read_any: at most no byte at all");
  start_read(want::any, most, std::move(cb), site);
}

void aios::read_all(std::size_t most, aios_cb::ref cb, async::where site) {
  start_read(want::all, most, std::move(cb), site);
}

void aios::start_read(want what, std::size_t limit, aios_cb::ref&& cb, async::where site) {
  if (reader_) detail::misuse(site, "aios: a read while another one is outstanding");
  want_ = what;
  limit_ = static_cast<std::uint32_t>(std::min(limit, most_bytes));
  scanned_ = 0;
  reader_ = std::move(cb);
  read_timed_out_ = false;
  note_time(read_since_);
  if (!watches_reading_) active_since_ = read_since_;
  // Where it can be served, or another thread may be at it as soon as the fd is watched, by run().
  unserved_ = in_ || eof_ || error_ != 0 || limit == 0;
  if (running_) return;
  if (unserved_ || !color_.is_current()) return run_later();
  settle();
}

void aios::cancel_read() noexcept {
  // Destroyed at the end: it may hold what holds us.
  const aios_cb::ptr cancelled = std::exchange(reader_, nullptr);
  unserved_ = false;
  if (!running_ && cancelled) settle();
}

// --- Serving ---

void aios::fill() {
  if (!in_) in_ = detail::spare<suio>::take();
  const io_result result = over_->read(in_fd_, *in_, suio::all);
  if (result.bytes != 0) note_time(active_since_);
  switch (result.status) {
    case io_status::done:
    case io_status::would_block:
      break;
    case io_status::eof:
      eof_ = true;
      break;
    case io_status::error:
      // Output goes on, if it can: a peer may have shut down one direction only.
      error_ = detail::packed_error(result.error);
      break;
  }
}

// Calls the outstanding read, if it can be served. Whether it was.
bool aios::serve() {
  unserved_ = false;
  const std::size_t there = buffered();
  switch (want_) {
    case want::line:
    case want::until:
      if (there != 0 && serve_delimited()) return true;
      break;
    case want::exactly:
      if (there < limit_) break;
      deliver(aios_status::done, limit_);
      return true;
    case want::any:
      if (there == 0) break;
      deliver(aios_status::done, std::min<std::size_t>(there, limit_));
      return true;
    case want::all:
      if (there <= limit_ && !eof_) break;
      if (there > limit_) {
        deliver(aios_status::too_long, limit_);
      } else {
        deliver(error_ != 0 ? aios_status::error : aios_status::done, there);
      }
      return true;
  }
  if (error_ != 0) {
    const bool late = error() == std::errc::timed_out;
    deliver(late ? aios_status::timed_out : aios_status::error, there);
  } else if (eof_) {
    deliver(aios_status::eof, there);
  } else if (read_timed_out_) {
    deliver(aios_status::timed_out, there);
  } else {
    return false;
  }
  return true;
}

bool aios::serve_delimited() {
  std::size_t at;  // of the delimiter
  const std::size_t there = in_->resid();
  // A "\r" before the "\n" is no part of the line.
  const std::size_t most = std::size_t{limit_} + (want_ == want::line ? 1 : 0);
  if (!find_delimiter(at)) {
    if (there <= most + delimiter_size_ - 1) return false;
    at = there;
  }
  std::size_t size = at;
  char before = 0;
  if (want_ == want::line && at != 0 && at != there && in_->copyout(&before, 1, at - 1) == 1 &&
      before == '\r') {
    --size;
  }
  if (size > limit_) {
    deliver(aios_status::too_long, limit_);
  } else {
    deliver(aios_status::done, size, at - size + delimiter_size_);
  }
  return true;
}

// Looks for the delimiter's last byte in what is new, and then back from there.
bool aios::find_delimiter(std::size_t& at) {
  const char last = delimiter_[delimiter_size_ - 1];
  std::size_t begin = 0;  // of the range
  for (const iovec& range : in_->iov()) {
    const auto* const data = static_cast<const char*>(range.iov_base);
    std::size_t from = scanned_ > begin ? scanned_ - begin : 0;
    while (from < range.iov_len) {
      const auto* const found =
          static_cast<const char*>(std::memchr(data + from, last, range.iov_len - from));
      if (found == nullptr) break;
      from = static_cast<std::size_t>(found - data) + 1;
      const std::size_t end = begin + from;
      if (end < delimiter_size_) continue;
      char all[sizeof delimiter_];
      in_->copyout(all, delimiter_size_, end - delimiter_size_);
      if (std::memcmp(all, delimiter_, delimiter_size_) != 0) continue;
      at = end - delimiter_size_;
      return true;
    }
    begin += range.iov_len;
  }
  scanned_ = static_cast<std::uint32_t>(begin);
  return false;
}

void aios::deliver(aios_status status, std::size_t bytes, std::size_t skip) {
  suio none;
  std::error_code error;
  if (status == aios_status::error || status == aios_status::timed_out) {
    error = error_ != 0 ? this->error() : std::make_error_code(std::errc::timed_out);
  }
  struct dropping {  // also if the callback throws
    aios& self;
    aios_read read;
    std::size_t skip;
    ~dropping() {
      const bool drop = read.status() == aios_status::done || read.status() == aios_status::eof;
      if (drop && self.in_) self.in_->rembytes(read.size() + skip);
    }
  } delivered{*this, aios_read(in_ ? *in_ : none, status, error, bytes), skip};
  read_timed_out_ = false;
  const aios_cb::ptr cb = std::exchange(reader_, nullptr);
  cb(delivered.read);
}

}  // namespace async
