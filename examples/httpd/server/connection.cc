// See connection.h: from bytes that come to replies that leave.
#include "examples/httpd/server/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "async/fd.h"
#include "async/tls.h"
#include "examples/httpd/http/date.h"
#include "examples/httpd/server/bench.h"
#include "examples/httpd/server/server.h"
#include "wrap/wrap.h"

namespace httpd {

connection::connection(server& owner, async::incoming& from)
    : server_(owner),
      slot_(std::move(from.slot)),
      fd_(from.take()),
      is_tls_(owner.speaks_tls(from.door())) {
  enter(phase::request);
}

connection::~connection() {
  if (!closed_ && !tls_) ::close(fd_);
}

connection::work& connection::busy() {
  if (!work_) work_ = std::make_unique<work>();
  return *work_;
}

// relaxed: overdue() may see a change late, as it may come late itself.
void connection::enter(phase p) noexcept {
  since_.store(now_steady() << 8 | static_cast<std::uint32_t>(p), std::memory_order_relaxed);
}

bool connection::is_in(phase p) const noexcept {
  return static_cast<phase>(since_.load(std::memory_order_relaxed) & 0xff) == p;
}

bool connection::overdue(std::uint32_t now, const server_limits& limits) const noexcept {
  const std::uint32_t since = since_.load(std::memory_order_relaxed);
  const auto lasted = std::chrono::seconds((now - (since >> 8)) & 0xffffff);
  switch (static_cast<phase>(since & 0xff)) {
    case phase::idle:
      return lasted > limits.keep_alive;
    case phase::request:
      return lasted > limits.request;
    case phase::sending:
      return lasted > limits.write;
    case phase::parting:
      return lasted > limits.parting;
    case phase::waiting:
      break;
  }
  return false;
}

void connection::begin() {
  async::tcp_nodelay(fd_);
  begin_tls();
  slot_.on_drain<&connection::end_soon>(this);
  watch_for_input(true);
}

// One that has only to say that it has our reply may still be reading that: the kernel keeps it.
void connection::drop() { close_now(is_in(phase::parting)); }

// The server drains: the present request is the last.
void connection::end_soon() {
  ending_ = true;
  if (!work_ && !is_in(phase::parting)) close_now();
}

void connection::readable() {
  if (closed_) return;
  if (is_in(phase::parting)) return discard();
  if (loading_ || writing_) return watch_for_input(false);
  // What came before is served first (serve_unread() is posted): behind it may be an end of file.
  if (work_ && !work_->unread.empty() && !work_->incomplete) return watch_for_input(false);
  receive();
}

void connection::receive() {
  bench& b = bench::mine();
  std::size_t have = 0;
  if (work_) {
    have = work_->unread.copy(b.in.data(), b.in.size());
    work_->unread.clear();
  }
  if (have < b.in.size()) {
    const ssize_t n = ::recv(fd_, b.in.data() + have, b.in.size() - have, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return close_now();
    if (n > 0) have += static_cast<std::size_t>(n);
  }
  serve({b.in.data(), have});
}

// What comes behind the last request that is answered. Its end of file says that the client has our
// reply, which a reset, the kernel's answer to bytes that nobody reads, could destroy.
void connection::discard() {
  bench& b = bench::mine();
  for (int times = 0; times < 8; ++times) {
    const ssize_t n = ::recv(fd_, b.in.data(), b.in.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return close_now();
  }
}

void connection::send(async::suio& out) {
  switch (output(out)) {
    case progress::done:
      break;
    case progress::closed:
      return;
    default:
      if (!out.empty() && (!work_ || &out != &work_->out)) busy().out.take(out);
      return watch_for_room(true);
  }
  if (work_ && work_->file) {
    const progress p = send_file();
    if (p == progress::blocked) watch_for_room(true);
    if (p == progress::loading) watch_for_room(false);
    if (p != progress::done) return;
  }
  sent();
}

void connection::writable() {
  if (closed_) return;
  if (!work_) return watch_for_room(false);
  send(work_->out);
}

// Everything that was queued is the kernel's now.
void connection::sent() {
  if (closed_) return;
  watch_for_room(false);
  if (loading_) return enter(phase::waiting);
  if (closing_) return draining_ ? part() : close_now();
  if (work_ && work_->is_over()) work_.reset();
  if (!work_) {
    if (ending_) return close_now();
    enter(phase::idle);
  } else if (!work_->unread.empty() && !work_->incomplete) {
    // Others have their turn first.
    enter(phase::request);
    return async::cpucb(
        async::cwrap(color(), mkref(this), &connection::serve_unread));  // [connections]
  } else if (!is_in(phase::request)) {
    enter(phase::request);
  }
  watch_for_input(true);
}

// Says that this is the end, and waits for the client to say so, too.
void connection::part() {
  work_.reset();
  enter(phase::parting);
  shut_output();
  watch_for_input(true);
}

// Nothing is served any more. With TLS the stream may still have replies to send, and has to say
// that this is the end: until that is done, or its time is over, the connection keeps its place.
void connection::close_now(bool politely) {
  if (closed_) return;
  closed_ = true;
  if (work_ && work_->file) end_transfer();
  work_.reset();
  const bool says_end = politely && tls_ && async::tls_state_of(*tls_).established;
  if (says_end) enter(phase::waiting);
  close_socket(politely);
  if (!says_end) return leave();
  tls_->when_written(async::wrap(mkref(this), &connection::tls_written));
}

// The socket is closed, or needs us no more.
void connection::leave() {
  slot_.end();
  server_.forget(mkref(this));
}

}  // namespace httpd
