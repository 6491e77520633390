// See connection.h. Here is what touches the socket.
#include "examples/sfsd/server/connection.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "async/fd.h"
#include "examples/sfsd/server/server.h"
#include "mp/color.h"
#include "mp/trace.h"
#include "wrap/wrap.h"

namespace sfs {

connection::connection(server& owner, int fd, std::string name, connection_number number)
    : server_(owner),
      colors_(owner.steps()),  // [crypto]
      nfs_(owner.nfs()),
      fd_(fd),
      name_(std::move(name)),
      number_(number),
      inbox_(max_call),
      handshake_(std::in_place, owner.settings()),
      files_(owner.files_kept_open()),
      last_active_(clock::now().time_since_epoch().count()) {}

connection::~connection() {
  if (!closed_) ::close(fd_);
  if (client_) server_.give_back(*client_, number_, std::move(session_));
}

// Which kind of work has this color, which is one of ours.
work_kind connection::kind_of(const async::color& c) const noexcept {
  if (&c == &colors_.crypto) return work_kind::crypto;  // [crypto]
  if (&c == &colors_.io) return work_kind::io;          // [crypto]
  return &c == &colors_.files ? work_kind::files : work_kind::tables;
}

// Runs the next step under its color: at once if that is the color that is running. What calls it
// is over.
void connection::run(const async::color& c, step next, async::where site) {
  meter_.end();
  if (!c.is_current()) return post(c, next, site);  // [crypto]
  async::trace_step(this, site);
  meter_.begin(kind_of(c));
  (this->*next)();
}

void connection::post(const async::color& c, step next, async::where site) {
  struct posted {
    async::ref<connection> self;
    work_kind kind;
    step next;
    void operator()() {
      self->meter_.begin(kind);
      ((*self).*next)();
    }
    const void* bound_object() const noexcept { return self.get(); }  // for traces
  };
  async::post(c, posted{async::mkref(this), kind_of(c), next}, site);
}

void connection::begin() {
  if (!closed_) watch_for_input();
}

void connection::watch_for_input() {
  const auto cb = async::cwrap(colors_.io, async::mkref(this), &connection::readable);  // [io]
  if (async::fdcb(fd_, async::selread, cb)) return drop("the socket cannot be watched");
  reading_ = true;
}

void connection::readable() {
  if (closed_) return;
  if (busy_) {  // the round will watch again when it is over
    async::fdcb(fd_, async::selread, nullptr);
    reading_ = false;
    return;
  }
  meter_.begin_round();
  meter_.begin(work_kind::io);
  const bytes space = inbox_.space();
  const ssize_t n = ::recv(fd_, space.data(), space.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (is_parting()) return n > 0 ? void() : close_now();
  if (n < 0) return drop("the connection broke");
  if (n == 0) return drop("the client was cut off");
  inbox_.received(static_cast<std::size_t>(n));
  metrics::add(metrics::mine().bytes_in, static_cast<std::uint64_t>(n));
  note_activity();
  busy_ = true;
  run(colors_.crypto,
      handshake_ ? &connection::shake_hands : &connection::open_records);  // [crypto]
}

// Writes what the round has made. The round is over when all of it is written.
void connection::send() {
  if (closed_) return;
  if (failure_) return drop(failure_);
  const async::io_result r = out_.output(fd_);
  metrics::add(metrics::mine().bytes_out, r.bytes);
  if (r.bytes > 0) note_activity();
  if (r.status == async::io_status::error) return drop("the connection broke");
  const bool full = r.status == async::io_status::would_block;
  if (full != writing_) {
    async::callback<void>::ptr cb;
    if (full) cb = async::cwrap(colors_.io, async::mkref(this), &connection::send);  // [io]
    if (async::fdcb(fd_, async::selwrite, cb)) return drop("the socket cannot be watched");
    writing_ = full;
  }
  if (!full) end_round();
}

void connection::end_round() {
  if (after_ == after_round::close) return part();
  if (has_news()) return run(colors_.crypto, &connection::seal_news);  // [crypto]
  if (ending_) return run(colors_.crypto, &connection::seal_goodbye);  // [crypto]
  // Not a plain call: other clients have their turn between two rounds.
  if (after_ == after_round::go_on)
    return post(colors_.crypto, &connection::open_records);  // [crypto]
  meter_.end();
  busy_ = false;
  if (!reading_) watch_for_input();
}

// Closing a socket while the client is still sending would reset the connection, and the client
// might lose what it has not yet read. So only our half is closed, and what still comes is thrown
// away until the client closes too or has had its time.
void connection::part() {
  enter(phase::parting);
  busy_ = false;
  ::shutdown(fd_, SHUT_WR);
  if (!reading_) watch_for_input();
}

void connection::end_soon() {
  if (closed_ || ending_ || is_parting()) return;
  ending_ = true;
  if (busy_) return;
  busy_ = true;
  run(colors_.crypto, &connection::seal_goodbye);  // [crypto]
}

void connection::drop(const char* why) {
  if (closed_) return;
  server_.note_drop(*this, why);
  close_now();
}

void connection::close_now() {
  closed_ = true;
  const auto self = async::mkref(this);  // the callbacks that are cleared may hold the last one
  async::fdcb(fd_, async::selread, nullptr);
  async::fdcb(fd_, async::selwrite, nullptr);
  ::close(fd_);
  server_.forget(self);
}

// Whether there is something to tell the client; if so it belongs to the round from now on.
bool connection::has_news() {
  if (to_tell_.empty() && !tell_all_) return false;
  news_ = std::move(to_tell_);
  if (tell_all_) news_.clear();  // no files at all: those are all files
  to_tell_.clear();
  tell_all_ = false;
  return true;
}

void connection::tell(const std::vector<sealed_handle>& files) {
  if (closed_ || ending_ || is_parting()) return;
  tell_all_ |= to_tell_.size() + files.size() > SFS_MAXHANDLES;
  if (!tell_all_) to_tell_.insert(to_tell_.end(), files.begin(), files.end());
  if (busy_ || !has_news()) return;
  busy_ = true;
  run(colors_.crypto, &connection::seal_news);  // [crypto]
}

// Between two rounds, what belongs to the round belongs to the io color.
void connection::rest() noexcept {
  if (busy_ || closed_) return;
  inbox_.trim();
  pool_.clear();
  files_.clear();
  batch_ = std::vector<classified>();
  replies_ = std::vector<reply>();
}

void connection::forget_replies() noexcept {
  if (busy_ || closed_) return;
  int unsent = 0;
  if (session_ && ::ioctl(fd_, SIOCOUTQ, &unsent) == 0 && unsent == 0) session_->replies.clear();
}

bool connection::fell_silent(clock::time_point after, clock::time_point until,
                             clock::duration silence) const noexcept {
  const clock::time_point last{clock::duration(last_active_.load(std::memory_order_relaxed))};
  return after < last + silence && last + silence <= until;
}

void connection::note_activity() noexcept {
  if (phase_.load(std::memory_order_relaxed) == phase::open) restart_clock();
}

void connection::restart_clock() noexcept {
  last_active_.store(clock::now().time_since_epoch().count(), std::memory_order_relaxed);
}

// The clock first: who sees the new phase must not compare it with the old one's time.
void connection::enter(phase next) noexcept {
  restart_clock();
  phase_.store(next, std::memory_order_release);
}

bool connection::overdue(clock::time_point now, const server_limits& limits) const noexcept {
  const phase p = phase_.load(std::memory_order_acquire);
  const clock::time_point last{clock::duration(last_active_.load(std::memory_order_relaxed))};
  return now - last > (p == phase::open        ? limits.idle
                       : p == phase::handshake ? limits.handshake
                                               : limits.parting);
}

}  // namespace sfs
