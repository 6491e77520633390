// See connection.h: the socket. Without TLS it is the connection's own, and what it does not take
// stays with the connection; with TLS it belongs to a stream, whose queue is kept short.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "async/fd.h"
#include "async/tls.h"
#include "examples/httpd/http/date.h"
#include "examples/httpd/server/bench.h"
#include "examples/httpd/server/connection.h"
#include "examples/httpd/server/server.h"
#include "wrap/wrap.h"

namespace httpd {
namespace {

constexpr std::size_t record = 16384;
constexpr std::size_t tls_piece = 3 * record;

}  // namespace

void connection::begin_tls() {
  if (!is_tls_) return;
  tls_ = async::tls_accept(fd_, async::ref<async::tls_context>(server_.tls()),
                           server_.stream_options(), color());
}

void connection::watch_for_input(bool yes) {
  if (reading_ == yes) return;
  reading_ = yes;
  if (tls_) {
    if (!yes) return tls_->cancel_read();
    return tls_->read_any(record, async::wrap(mkref(this), &connection::tls_input));
  }
  async::callback<void>::ptr cb;
  if (yes) cb = mkref(this);
  if (async::fdcb(fd_, async::selread, std::move(cb))) close_now();
}

void connection::watch_for_room(bool yes) {
  if (writing_ == yes) return;
  writing_ = yes;
  if (tls_) {
    if (yes) tls_->when_writable(async::wrap(mkref(this), &connection::tls_room));
    return;
  }
  async::callback<void>::ptr cb;
  if (yes) cb = async::cwrap(color(), mkref(this), &connection::writable);  // [connections]
  if (async::fdcb(fd_, async::selwrite, std::move(cb))) close_now();
}

void connection::tls_input(async::aios_read& bytes) {
  reading_ = false;
  if (closed_) return;
  if (!bytes) return close_now();
  if (is_in(phase::parting)) return watch_for_input(true);
  busy().unread.append(bytes.text());
  work_->incomplete = false;
  serve_unread();
}

void connection::tls_room(std::error_code error) {
  writing_ = false;
  if (closed_) return;
  if (error) return close_now();
  if (work_) send(work_->out);
}

// Of a connection that is closed: its last replies and its end have been sent, or can't be.
void connection::tls_written(std::error_code) { leave(); }

connection::progress connection::output(async::suio& out) {
  if (out.empty()) return progress::done;
  if (tls_) {
    tls_->write(out);
    if (!tls_->full()) return progress::done;
    busy();
    enter(phase::waiting);
    return progress::blocked;
  }
  const async::io_result r = out.output(fd_);
  if (r.status == async::io_status::done) return progress::done;
  if (r.status == async::io_status::would_block) {
    if (r.bytes > 0 || !is_in(phase::sending)) enter(phase::sending);
    return progress::blocked;
  }
  out.clear();
  close_now();
  return progress::closed;
}

std::size_t connection::most_at_once() const noexcept {
  return tls_ ? tls_piece : sizeof bench::piece;
}

void connection::shut_output() {
  if (tls_)
    tls_->end_output();
  else
    ::shutdown(fd_, SHUT_WR);
}

void connection::close_socket(bool politely) {
  if (tls_) return politely ? tls_->close() : tls_->abort();
  async::fdcb(fd_, async::selread, nullptr);
  async::fdcb(fd_, async::selwrite, nullptr);
  if (!politely) {  // what a client does not read the kernel need not keep
    const linger reset{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  ::close(fd_);
}

}  // namespace httpd
