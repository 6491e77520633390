// See async_channel.h.
#include "examples/sfsd/client/async_channel.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "async/fd.h"
#include "wrap/wrap.h"

namespace sfs {
namespace {

// Has the kernel find out that the other side is gone, also while nothing is said. On a socket that
// is not TCP's nothing happens.
void watch_health(int fd) noexcept {
  const int on = 1, idle = 30, every = 10, tries = 3;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
}

}  // namespace

async_channel::async_channel(const client_settings& settings, timing& time, handlers h)
    : time_(time),
      handlers_(std::move(h)),
      handshake_(std::in_place, settings),
      inbox_(record_max_payload) {}

async_channel::~async_channel() { release_all(); }

void async_channel::connect(const server_location& where) {
  connecting_ = async::tcpconnect(where.host, where.port,
                                  async::wrap(async::mkref(this), &async_channel::connected));
}

void async_channel::connect(const connector& how) {
  how(async::wrap(async::mkref(this), &async_channel::connected));
}

void async_channel::connected(int fd) {
  const int error = errno;
  fd_owner socket(fd);
  if (state_ == state::closed) return;
  errno = error;
  if (!socket) {
    const bool unknown = errno == ENOENT;  // that is how tcpconnect() says it
    return end("cannot connect: " + (unknown ? "nobody knows that host" : system_reason()));
  }
  async::tcp_nodelay(fd);
  watch_health(fd);
  socket_ = std::move(socket);
  if (async::fdcb(fd, async::selread, async::wrap(async::mkref(this), &async_channel::readable)))
    return end("the socket cannot be watched");
  state_ = state::handshake;
  out_.print(handshake_->take_output());
  write();
}

// Whoever gets a full buffer receives again: more is probably there.
void async_channel::readable() {
  const auto self = async::mkref(this);
  for (int n = 0; n < buffers_at_a_time && state_ != state::closed; ++n)
    if (!receive()) return;
}

// Whether the buffer was filled.
bool async_channel::receive() {
  const bytes space = inbox_.space();
  const ssize_t n = ::recv(socket_.get(), space.data(), space.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (n <= 0) {
    end(n < 0 ? "the connection broke: " + system_reason() : "the connection was cut off");
    return false;
  }
  inbox_.received(static_cast<std::size_t>(n));
  if (state_ == state::handshake) shake_hands();
  if (state_ == state::open) take_messages();
  return static_cast<std::size_t>(n) == space.size();
}

void async_channel::shake_hands() {
  inbox_.consume(handshake_->feed(inbox_.unopened()));
  out_.print(handshake_->take_output());
  write();
  if (handshake_->failed()) return end(handshake_->why(), handshake_->wrong_key());
  if (!handshake_->done()) return;
  session_secrets s = handshake_->take_secrets();
  handshake_.reset();
  sender_.emplace(s.suite, std::move(s.client_to_server), time_.now());
  inbox_.open_with(receiver(s.suite, std::move(s.server_to_client)));
  state_ = state::open;
  const auto opened = handlers_->opened;
  opened(s.id);
}

void async_channel::take_messages() {
  const auto on_message = handlers_->message;
  const_bytes message;
  while (state_ == state::open) {
    switch (inbox_.next(message)) {
      case inbox::got::message:
        on_message(message);
        continue;
      case inbox::got::more:
        return;
      case inbox::got::closed:
        return end("the server has ended the connection");
      case inbox::got::failed:
        return end("what came was forged or damaged on its way");
    }
  }
}

void async_channel::send(async::ref<outgoing_record> record) {
  if (state_ != state::open || broken_) return;
  const bytes frame = record->frame();
  queue_ratchet_if_due(frame.size() - record_overhead);
  sender_->seal(record_type::data, frame);
  out_.print(frame.data(), frame.size(), std::move(record));
  write();
}

void async_channel::queue_ratchet_if_due(std::size_t payload) {
  const auto now = time_.now();
  if (!sender_->ratchet_due(payload, now)) return;
  std::uint8_t turn[record_overhead];
  sender_->ratchet(turn, now);
  out_.copy(turn, sizeof turn);
}

// Writes what the socket takes. A failure is not told here, in the middle of somebody's call: the
// socket is readable then, and readable() says what happened.
void async_channel::write() {
  const async::io_result r = out_.output(socket_.get());
  broken_ = r.status == async::io_status::error;
  if (broken_) out_.clear();
  watch_for_writing(r.status == async::io_status::would_block);
}

void async_channel::watch_for_writing(bool on) {
  if (on == writing_) return;
  async::callback<void>::ptr cb;
  if (on) cb = async::wrap(async::mkref(this), &async_channel::writable);
  if (async::fdcb(socket_.get(), async::selwrite, cb)) broken_ = true;
  writing_ = on;
}

void async_channel::writable() {
  const auto self = async::mkref(this);
  if (state_ == state::closed) return;
  write();
  if (congested() || !relieved_) return;
  const async::callback<void>::ref relieved(std::exchange(relieved_, nullptr));
  relieved();
}

void async_channel::close() {
  if (state_ == state::closed) return;
  if (state_ == state::open && !broken_) {
    queue_ratchet_if_due(0);
    std::uint8_t frame[record_overhead];
    sender_->seal(record_type::close, frame);
    out_.copy(frame, sizeof frame);
    out_.output(socket_.get());
  }
  release_all();
}

void async_channel::end(std::string why, bool wrong_key) {
  const auto ended = handlers_->ended;
  release_all();
  ended(channel_end{std::move(why), wrong_key});
}

// Lets go of everything: the socket, the keys, and whoever is called back.
void async_channel::release_all() {
  state_ = state::closed;
  if (socket_) {
    async::fdcb(socket_.get(), async::selread, nullptr);
    async::fdcb(socket_.get(), async::selwrite, nullptr);
    socket_ = fd_owner();
  }
  async::tcpconnect_cancel(connecting_);
  connecting_ = nullptr;
  out_.clear();
  sender_.reset();
  handshake_.reset();
  relieved_ = nullptr;
  handlers_.reset();
}

}  // namespace sfs
